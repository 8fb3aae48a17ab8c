import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { AppError } from './errors.ts';

/** What a key may do; each scope includes the ones before it. */
export const SCOPES = ['read', 'operate', 'admin'] as const;

/** What a key may do. */
export type Scope = (typeof SCOPES)[number];

/** An API key as kept: never the key itself. */
export interface ApiKey {
  id: string;
  /** SHA-256 of the key, hexadecimal. */
  hash: string;
  scope: Scope;
  /** The only accounts it may see and act on; all of them when left out. */
  accounts?: readonly string[] | undefined;
}

const FILE = z.array(
  z.strictObject({
    id: z.string().min(1),
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    scope: z.enum(SCOPES),
    accounts: z.array(z.string().min(1)).min(1).optional(),
  }),
);

/** SHA-256 of a key: keys are random, so nothing slower is needed. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Reads API_KEYS_FILE. */
export function readKeys(file: string): ApiKey[] {
  try {
    return FILE.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new AppError(
      'config_invalid',
      'API_KEYS_FILE must be a JSON list of {id, hash (sha256, hex), scope: read|operate|admin, accounts?: [ids]}',
      { cause: error },
    );
  }
}

/** Makes the development key at the first start and returns it, once: only its hash is kept, in a file of mode 600. */
export function ensureDevelopmentKey(file: string): { keys: ApiKey[]; created: string | undefined } {
  if (existsSync(file)) return { keys: readKeys(file), created: undefined };
  const key = `trb_${randomBytes(24).toString('base64url')}`;
  const keys: ApiKey[] = [{ id: 'development', hash: hashKey(key), scope: 'admin' }];
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(keys, null, 2), { mode: 0o600 });
  return { keys, created: key };
}

/** The key that a bearer token is, compared in constant time against every one; undefined when none. */
export function findKey(keys: readonly ApiKey[], token: string): ApiKey | undefined {
  const hash = Buffer.from(hashKey(token), 'hex');
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(hash, Buffer.from(key.hash, 'hex'))) found = key;
  return found;
}

/** Whether a key may do what a scope asks for. */
export function allows(key: ApiKey, scope: Scope): boolean {
  return SCOPES.indexOf(key.scope) >= SCOPES.indexOf(scope);
}
