import { hash } from 'node:crypto';

/** Namespace of every derived id: random once, never to change. */
const NAMESPACE = Buffer.from('6f1c0f0e2b0d4f6b9a3c7d52a1e84b90', 'hex');

/** UUID version 5 (RFC 9562): the same name gives the same id, always and everywhere. */
export function uuidV5(name: string, namespace: Buffer = NAMESPACE): string {
  const hex = hash('sha1', Buffer.concat([namespace, Buffer.from(name)]), 'hex');
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
}

/** Id of an event derived from its cause, so that a repeated step repeats the same ids (architecture section 3). */
export function eventId(cause: string, type: string, version = ''): string {
  return uuidV5(`${cause} ${type} ${version}`);
}
