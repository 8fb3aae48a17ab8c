import { inspect } from 'node:util';

/** A value that never prints: only reveal() gives it. */
export interface Secret {
  reveal(): string;
}

/** Wraps a secret so that logs, JSON, templates and inspection show `[secret]`. */
export function secret(value: string): Secret {
  const hidden = (): string => '[secret]';
  return Object.freeze({
    reveal: () => value,
    toString: hidden,
    toJSON: hidden,
    [Symbol.toPrimitive]: hidden,
    [inspect.custom]: hidden,
  });
}
