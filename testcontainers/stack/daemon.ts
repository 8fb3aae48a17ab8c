/** Holds an embedded stack for `tributary stack up`: started detached by up.ts, to which it speaks over IPC until the stack is ready. */
import { startStack } from './stack.ts';
import { describeFailure, type DaemonMessage } from './up.ts';

const tell = (message: DaemonMessage): void => {
  if (process.connected) process.send?.(message);
};
// Before the stack is ready, whoever asked for it may have gone: then nobody wants it, and the guard ends what runs.
const abandon = (): void => process.exit(1);
process.on('disconnect', abandon);

try {
  const stack = await startStack({
    dataDir: process.argv[2] ?? '.data',
    env: process.env,
    log: (line) => tell({ log: line }),
  });
  const end = (code: number) => (): void => {
    void stack.stop().finally(() => process.exit(code));
  };
  stack.onExit(end(1));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end(0));
  process.off('disconnect', abandon);
  tell({ ready: stack.info });
  if (stack.owned) setInterval(() => undefined, 60_000);
  process.disconnect?.();
} catch (error) {
  tell({ failed: describeFailure(error) });
  process.exitCode = 1;
  process.off('disconnect', abandon);
  process.disconnect?.();
}
