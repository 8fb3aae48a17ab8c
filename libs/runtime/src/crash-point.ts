/** Places where a process may be made to die, so that tests prove what a restart makes of it (I7). */
export type CrashPoint =
  | 'after-publish-before-save'
  | 'after-marker-partial'
  | 'after-markers-before-finish'
  | 'after-send-before-checkpoint'
  | 'after-commit-before-resolve'
  | 'after-dead-letter-before-checkpoint'
  | 'after-outbox-publish-before-delete';

const armed = process.env['CRASH_AT'];

/** Kills this process, as `kill -9` does, when CRASH_AT names the point; `first` is done before. For tests: no setting of the product. */
export function crashPoint(point: CrashPoint, first?: () => Promise<unknown>): Promise<void> | undefined {
  return armed === point ? die(first) : undefined;
}

async function die(first?: () => Promise<unknown>): Promise<never> {
  await first?.();
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
}
