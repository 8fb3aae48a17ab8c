import { ASKED_NOTHING, type Asked } from '#libs/contracts/src/asked.ts';
import { AppError } from '#libs/runtime/src/errors.ts';

/** Modes of the GoHighLevel source, and what a read to its end can answer for in each. */
export const ANSWERS_FOR = { full: 'all', targeted: 'known', incremental: 'nothing', single: 'nothing' } as const;

/** Throws request_invalid: a location is read by mode alone. */
export function checkGhlRequest(request: Asked & { mode: string }): void {
  if (!Object.hasOwn(ANSWERS_FOR, request.mode))
    throw new AppError(
      'request_invalid',
      `GoHighLevel has no mode ${request.mode}: it has ${Object.keys(ANSWERS_FOR).join(', ')}`,
    );
  const given = (Object.keys(ASKED_NOTHING) as (keyof Asked)[]).filter((name) => request[name] !== null);
  if (given.length > 0)
    throw new AppError('request_invalid', `GoHighLevel is read by mode alone: leave ${given.join(', ')} out`);
}
