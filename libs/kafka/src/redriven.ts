import type { IHeaders, KafkaMessage } from 'kafkajs';
import { DEAD_LETTER_HEADERS, HEADERS } from '#libs/contracts/src/headers.ts';
import { headerText } from './processor.ts';

/** True for a redriven record whose consumer group is another one: this one handled it when it came first. */
export function isForOthers(message: KafkaMessage, groupId: string): boolean {
  const group = headerText(message, HEADERS.redrivenFor);
  return group !== undefined && group !== groupId;
}

/** True for a record that was a dead letter once. */
export function isRedriven(message: KafkaMessage): boolean {
  return message.headers?.[HEADERS.redrivenFrom] !== undefined;
}

/** The value of a redriven record without the place in a scan that it had. */
export function outsideItsScan<T extends object>(value: T): T {
  return 'scanId' in value && 'scanNumber' in value ? { ...value, scanId: null, scanNumber: 0 } : value;
}

/** Headers that a dead letter loses on its way back: those of the error, and its place in a scan that is closed. */
const LEFT_BEHIND = new Set<string>([...Object.values(DEAD_LETTER_HEADERS), HEADERS.scanId, HEADERS.scanNumber]);

/**
 * Headers of a redriven record. Its scan has taken it for lost and gone on, and a record of a closed scan counts as a repeat: without
 * scan id it is an ordinary observation, applied when it comes (architecture section 4).
 */
export function redrivenHeaders(headers: IHeaders, letterId: string, groupId: string): IHeaders {
  const kept = Object.entries(headers).filter(([name]) => !LEFT_BEHIND.has(name));
  return { ...Object.fromEntries(kept), [HEADERS.redrivenFrom]: letterId, [HEADERS.redrivenFor]: groupId };
}
