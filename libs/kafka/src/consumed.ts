import type { KafkaMessage } from 'kafkajs';
import type { EventType } from '#libs/contracts/src/generated/events.ts';
import { HEADERS } from '#libs/contracts/src/headers.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import type { Codec, Decoded, HeadFirst } from './codec.ts';
import { headerText, type ConsumedEvent } from './processor.ts';
import { isRedriven, outsideItsScan } from './redriven.ts';

/** A record whose headers become text only when somebody asks for them: most are never read, and there are a dozen to a record. */
class Consumed implements ConsumedEvent {
  readonly #message: KafkaMessage;
  readonly #decoded: Decoded | HeadFirst;

  constructor(message: KafkaMessage, decoded: Decoded | HeadFirst) {
    this.#message = message;
    this.#decoded = isRedriven(message) ? { type: decoded.type, value: outsideItsScan(decoded.value) } : decoded;
  }

  get type(): EventType {
    return this.#decoded.type;
  }

  get value(): ConsumedEvent['value'] {
    return this.#decoded.value;
  }

  get head(): object {
    return 'head' in this.#decoded ? this.#decoded.head : this.#decoded.value;
  }

  get content(): Buffer | undefined {
    return 'content' in this.#decoded ? this.#decoded.content : undefined;
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

/**
 * Reads records as the events that are asked for; undefined for others. A record of a named type is told apart without decoding it,
 * and at once while its schema is known: waiting for each would cost as much as decoding.
 */
export function eventReader(options: {
  codec: Codec;
  types: readonly EventType[];
  headFirst?: boolean | undefined;
}): (message: KafkaMessage) => ConsumedEvent | undefined | Promise<ConsumedEvent | undefined> {
  const { codec, types, headFirst = false } = options;
  const wanted = new Set(types);
  /** One that was redriven is outside its scan. */
  const eventOf = (message: KafkaMessage, decoded: Decoded | HeadFirst): ConsumedEvent | undefined =>
    wanted.has(decoded.type) ? new Consumed(message, decoded) : undefined;
  return (message) => {
    const named = headerText(message, HEADERS.type);
    if (named !== undefined && !wanted.has(named as EventType)) return undefined;
    if (message.value === null) throw new AppError('record_undecodable', 'the record has no value');
    const head = headFirst ? codec.decodeHead(message.value) : undefined;
    const decoded = head ?? codec.decode(message.value);
    return decoded instanceof Promise ? decoded.then((late) => eventOf(message, late)) : eventOf(message, decoded);
  };
}
