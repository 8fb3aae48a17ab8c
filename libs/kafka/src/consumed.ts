import type { KafkaMessage } from 'kafkajs';
import type { EventType } from '#libs/contracts/src/generated/events.ts';
import { HEADERS } from '#libs/contracts/src/headers.ts';
import type { Decoded } from './codec.ts';
import { headerText, type ConsumedEvent } from './processor.ts';
import { isRedriven, outsideItsScan } from './redriven.ts';

/** A record whose headers become text only when somebody asks for them: most are never read, and there are a dozen to a record. */
class Consumed implements ConsumedEvent {
  readonly type: EventType;
  readonly value: ConsumedEvent['value'];
  readonly #message: KafkaMessage;

  constructor(message: KafkaMessage, { type, value }: Decoded) {
    this.type = type;
    this.value = isRedriven(message) ? outsideItsScan(value) : value;
    this.#message = message;
  }

  get key(): string {
    return this.#message.key?.toString() ?? '';
  }

  get offset(): string {
    return this.#message.offset;
  }

  get timestamp(): number {
    return Number(this.#message.timestamp);
  }

  get id(): string {
    return headerText(this.#message, HEADERS.id) ?? '';
  }

  get scanId(): string | undefined {
    return headerText(this.#message, HEADERS.scanId);
  }

  get scanNumber(): number | undefined {
    const number = headerText(this.#message, HEADERS.scanNumber);
    return number === undefined ? undefined : Number(number);
  }

  get traceParent(): string | undefined {
    return headerText(this.#message, HEADERS.traceParent);
  }
}

/** A decoded record as processors see it; one that was redriven is outside its scan. */
export function consumedEvent(message: KafkaMessage, decoded: Decoded): ConsumedEvent {
  return new Consumed(message, decoded);
}
