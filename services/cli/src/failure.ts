import { CommanderError } from 'commander';
import { toAppError, type ErrorCode } from '#libs/runtime/src/errors.ts';
import { describeError } from '#libs/runtime/src/logger.ts';
import { forTerminal } from './terminal.ts';

const WRONG_USAGE: readonly ErrorCode[] = ['request_invalid', 'not_found', 'wrong_state'];

/** Prints one clear message for a failure and returns its exit code: 2 for wrong usage or settings, 130 when interrupted, else 1. */
export function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Error && error.name === 'AbortError') return 130;
  const failure = toAppError(error);
  process.stderr.write(forTerminal(`${failure.code}: ${failure.message}\n`));
  if (failure.code === 'internal') process.stderr.write(forTerminal(`${JSON.stringify(describeError(error))}\n`));
  return failure.kind === 'config' || WRONG_USAGE.includes(failure.code) ? 2 : 1;
}
