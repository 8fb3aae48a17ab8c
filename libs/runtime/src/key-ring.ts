import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { AppError } from './errors.ts';
import { secret, type Secret } from './secret.ts';

/** An encrypted text, and which key of the ring opens it. */
export interface Sealed {
  keyId: string;
  /** Nonce, ciphertext and tag. */
  box: Buffer;
}

/** Keys that encrypt at rest: the first one seals, every one opens. */
export interface KeyRing {
  /** AES-256-GCM under a random nonce. The place is authenticated: what was sealed for one place opens at no other. */
  seal(value: Secret, place: readonly string[]): Sealed;
  /** Throws token_unreadable for an unknown key, another place, or a changed byte. */
  open(sealed: Sealed, place: readonly string[]): Secret;
  /** Signs a text for one purpose with the first key. */
  sign(purpose: string, text: string): Buffer;
  /** Every signature that counts for a text: one for each key, so that a rotation breaks nothing under way. */
  signatures(purpose: string, text: string): Buffer[];
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Reads `id:base64key[,id:base64key]`. Throws an Error that names the faulty item by its position, never by its text. */
export function readKeyRing(text: string): KeyRing {
  const keys = new Map<string, Buffer>();
  for (const [index, item] of text.split(',').entries()) {
    const match = /^\s*([\w.-]{1,64}):([A-Za-z0-9+/]+={0,2})\s*$/.exec(item);
    const key = Buffer.from(match?.[2] ?? '', 'base64');
    if (match === null || key.length !== KEY_BYTES)
      throw new Error(`item ${index + 1} must be id:key with a base64 key of ${KEY_BYTES} bytes`);
    if (keys.has(match[1]!)) throw new Error(`item ${index + 1} repeats the id of an earlier one`);
    keys.set(match[1]!, key);
  }
  return keyRing(keys);
}

function keyRing(keys: ReadonlyMap<string, Buffer>): KeyRing {
  const [[firstId, firstKey]] = [...keys] as [[string, Buffer]];
  return {
    seal(value, place) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', firstKey, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(aad(firstId, place));
      const parts = [nonce, cipher.update(value.reveal(), 'utf8'), cipher.final(), cipher.getAuthTag()];
      return { keyId: firstId, box: Buffer.concat(parts) };
    },
    open({ keyId, box }, place) {
      const key = keys.get(keyId);
      if (key === undefined)
        throw new AppError(
          'token_unreadable',
          `TOKEN_KEYS lacks the key ${keyId} that a kept token needs: add it again`,
        );
      try {
        const tagAt = box.length - TAG_BYTES;
        const options = { authTagLength: TAG_BYTES };
        const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, NONCE_BYTES), options);
        decipher.setAAD(aad(keyId, place));
        decipher.setAuthTag(box.subarray(tagAt));
        return secret(Buffer.concat([decipher.update(box.subarray(NONCE_BYTES, tagAt)), decipher.final()]).toString());
      } catch (error) {
        throw new AppError(
          'token_unreadable',
          `a kept token does not open with the key ${keyId} of TOKEN_KEYS: the key is another one, or the row was changed or moved`,
          { cause: error },
        );
      }
    },
    sign: (purpose, text) => mac(firstKey, purpose, text),
    signatures: (purpose, text) => [...keys.values()].map((key) => mac(key, purpose, text)),
  };
}

function aad(keyId: string, place: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify([keyId, ...place]));
}

/** A key of its own for every purpose: what encrypts never signs. */
function mac(key: Buffer, purpose: string, text: string): Buffer {
  const purposeKey = createHmac('sha256', key).update(`tributary ${purpose}`).digest();
  return createHmac('sha256', purposeKey).update(text).digest();
}
