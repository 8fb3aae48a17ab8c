import { createHash } from 'node:crypto';

/** Namespace of every derived id: random once, never to change. */
const NAMESPACE = Buffer.from('6f1c0f0e2b0d4f6b9a3c7d52a1e84b90', 'hex');

/** UUID version 5 (RFC 9562): the same name gives the same id, always and everywhere. */
export function uuidV5(name: string, namespace: Buffer = NAMESPACE): string {
  const bytes = createHash('sha1').update(namespace).update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Id of an event derived from its cause, so that a repeated step repeats the same ids (architecture section 3). */
export function eventId(cause: string, type: string, version = ''): string {
  return uuidV5(`${cause} ${type} ${version}`);
}
