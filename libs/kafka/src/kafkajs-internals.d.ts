declare module 'kafkajs/src/network/requestQueue/index.js' {
  const RequestQueue: unknown;
  export default RequestQueue;
}
declare module 'kafkajs/src/producer/partitioners/default/murmur2.js' {
  const murmur2: (key: Buffer) => number;
  export default murmur2;
}

declare module 'kafkajs/src/network/socketFactory.js' {
  import type { ISocketFactory } from 'kafkajs';
  export default function createSocketFactory(): ISocketFactory;
}

declare module 'kafkajs/src/protocol/decoder.js' {
  /** Reads what the protocol writes, from a buffer and an offset. */
  export default class Decoder {
    constructor(buffer: Buffer);
    buffer: Buffer;
    offset: number;
    readVarInt(): number;
    readVarIntBytes(): Buffer | null;
    readVarIntArray(reader: unknown): unknown[];
  }
}

declare module 'kafkajs/src/protocol/encoder.js' {
  /** Writes what the protocol reads, into a buffer that grows. */
  export default class Encoder {
    static nextPowerOfTwo(this: void, value: number): number;
    constructor(initialSize?: number);
    buf: Buffer;
    offset: number;
    /** What was written. */
    readonly buffer: Buffer;
    ensureAvailable(length: number): void;
    writeUVarInt(value: number): Encoder;
    writeVarInt(value: number): Encoder;
    writeVarIntBytes(value: unknown): Encoder;
  }
}

declare module 'kafkajs/src/protocol/recordBatch/record/v0/decoder.js' {
  import type { IHeaders } from 'kafkajs';
  import type Decoder from 'kafkajs/src/protocol/decoder.js';
  export default function decodeRecord(decoder: Decoder, context: object): { headers: IHeaders };
}

declare module 'kafkajs/src/protocol/recordBatch/record/v0/index.js' {
  export default function encodeRecord(record: object): { buffer: Buffer };
}
