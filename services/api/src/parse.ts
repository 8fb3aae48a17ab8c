import type { z } from 'zod';
import { AppError } from '#libs/runtime/src/errors.ts';

/** A body or query by its schema; request_invalid lists every fault. */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new AppError('request_invalid', faults.join('; '));
}
