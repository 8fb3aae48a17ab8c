import type { Logger } from '#libs/runtime/src/logger.ts';
import type { Settings } from '#libs/runtime/src/settings.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import type { RunView } from '#libs/storage/src/reads.ts';
import type { Work } from './work.ts';

/** How commands talk, and what they have in common. */
export interface Shell {
  /** Settings and a quiet logger: a command talks by itself. */
  openSession(): { settings: Settings; logger: Logger };
  /** A line for people, on stderr. */
  say(line: string): void;
  /** The result on stdout: exactly one JSON document, else the text. */
  print(json: boolean | undefined, value: object, text: string): void;
  /** The results of runs, with the exit code that follows from them. */
  printRuns(database: Database, json: boolean | undefined, runs: readonly RunView[]): Promise<void>;
  /** Aborted by Ctrl-C. */
  onInterrupt(): AbortSignal;
  /** What becomes of a sync that nobody follows any more. */
  howToGoOn(syncId: string, work: Work): string;
}
