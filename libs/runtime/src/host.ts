import { setTimeout as wait } from 'node:timers/promises';
import { toAppError, type AppError } from './errors.ts';
import type { Logger } from './logger.ts';

/** Whether a part can do its work, and why not. */
export interface Readiness {
  part: string;
  ready: boolean;
  reason?: string;
}

/** A part of a process: started in order, stopped in reverse. */
export interface Component {
  name: string;
  /** Resolves when the part works. `fail` ends the host when it dies later. */
  start(fail: (error: AppError) => void): Promise<void>;
  readiness(): Readiness[];
  /** Finishes what is under way and frees everything; also after a start that failed half-way. */
  stop(): Promise<void>;
}

/** A running set of components. */
export interface Host {
  /** Resolves with the exit code when the host has stopped: 0 when asked to, 1 after a failure, 2 after one of configuration. */
  done: Promise<number>;
  readiness(): Readiness[];
  stop(): Promise<number>;
}

/** For all parts together; with what a service does after them it stays within the 30 s that Kubernetes and systemd wait at least. */
const STOP_WITHIN_MS = 15_000;

/** Starts components in order; when one fails or dies, the others are stopped and the host ends with one clear message. */
export async function startHost(
  components: readonly Component[],
  logger: Logger,
  stopWithinMs = STOP_WITHIN_MS,
): Promise<Host> {
  const started: Component[] = [];
  let ended: ((code: number) => void) | undefined;
  let stopping: Promise<number> | undefined;
  let died: AppError | undefined;
  let running = false;
  const done = new Promise<number>((resolve) => {
    ended = resolve;
  });

  function shutdown(code: number): Promise<number> {
    stopping ??= stopAll(started, logger, stopWithinMs).then(() => {
      ended?.(code);
      return code;
    });
    return stopping;
  }

  function fail(error: AppError): void {
    if (stopping !== undefined || died !== undefined) return;
    died = error;
    // While the others still start, the start itself fails of it.
    if (!running) return;
    logger.fatal({ err: error }, error.message);
    void shutdown(exitCodeOf(error));
  }

  for (const component of components) {
    // Before it works it may hold something already: a part that failed to start is stopped like the others.
    started.push(component);
    const failure = await component.start(fail).then(
      () => died,
      (error: unknown) => toAppError(error),
    );
    if (failure === undefined) continue;
    await stopAll(started, logger, stopWithinMs);
    throw failure;
  }
  running = true;
  return {
    done,
    readiness: () =>
      stopping === undefined
        ? components.flatMap((component) => component.readiness())
        : [{ part: 'host', ready: false, reason: 'stopping' }],
    stop: () => shutdown(0),
  };
}

function exitCodeOf({ kind }: AppError): number {
  return kind === 'config' ? 2 : 1;
}

async function stopAll(started: Component[], logger: Logger, withinMs: number): Promise<void> {
  const late = wait(withinMs, 'late' as const, { ref: false });
  for (const component of started.splice(0).reverse()) {
    try {
      if ((await Promise.race([component.stop(), late])) === 'late')
        logger.error({ part: component.name }, 'part did not stop in time');
    } catch (error) {
      logger.error({ part: component.name, err: error }, 'part did not stop cleanly');
    }
  }
}

/** Parts that need nothing of one another as one part: started and stopped side by side. */
export function together(name: string, parts: readonly Component[]): Component {
  return {
    name,
    start: (fail) => allOf(parts.map((part) => part.start(fail))),
    readiness: () => parts.flatMap((part) => part.readiness()),
    stop: () => allOf(parts.map((part) => part.stop())),
  };
}

/** Waits for the end of all, then throws the first failure. */
async function allOf(works: Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** A signal within this time of the first is the same Ctrl-C: the terminal sends it to npm and to us, and npm passes its own on. */
const ECHO_MS = 500;

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Calls `stop` at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. Returns a function that undoes it. */
export function onStopSignal(stop: (signal: NodeJS.Signals) => void): () => void {
  let askedAt: number | undefined;
  const listener = (signal: NodeJS.Signals): void => {
    if (askedAt === undefined) {
      askedAt = performance.now();
      stop(signal);
    } else if (performance.now() - askedAt > ECHO_MS) process.exit(130);
  };
  for (const signal of STOP_SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, listener);
  };
}
