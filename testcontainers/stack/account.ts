import { execFileSync } from 'node:child_process';
import { chownSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AppError } from '#libs/runtime/src/errors.ts';

/** A program with its arguments and the user it runs as. */
export interface AccountCommand {
  command: string;
  args: string[];
  uid?: number;
  gid?: number;
}

/** The user PostgreSQL runs as: it refuses root. */
export interface ServerAccount {
  wrap(this: void, command: string, args: string[]): AccountCommand;
  /** Gives a file or folder to that user. */
  own(this: void, path: string): void;
}

/**
 * Ourselves; or, for root, the system's user postgres, which is made when absent. Where that user could not walk to one of
 * `folders` (a checkout below /root, say), it is lent the right to pass closed folders instead of opening them.
 */
export function serverAccount(folders: string[]): ServerAccount {
  if (process.getuid?.() !== 0) return { wrap: (command, args) => ({ command, args }), own: () => undefined };
  const { uid, gid } = postgresUser();
  const own = (path: string): void => chownSync(path, uid, gid);
  if (folders.every(isOpen)) return { wrap: (command, args) => ({ command, args, uid, gid }), own };
  const drop = [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
  ];
  return { wrap: (command, args) => ({ command: 'setpriv', args: [...drop, command, ...args] }), own };
}

/** True when every folder on the way may be passed by anybody. */
function isOpen(folder: string): boolean {
  const path = resolve(folder);
  return (statSync(path).mode & 0o001) !== 0 && (path === dirname(path) || isOpen(dirname(path)));
}

function postgresUser(): { uid: number; gid: number } {
  const run = (command: string, args: string[]): string =>
    execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const ids = (): { uid: number; gid: number } => ({
    uid: Number(run('id', ['-u', 'postgres'])),
    gid: Number(run('id', ['-g', 'postgres'])),
  });
  try {
    return ids();
  } catch {
    // Absent: made below.
  }
  try {
    run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']);
    return ids();
  } catch (error) {
    throw new AppError(
      'stack_unavailable',
      'PostgreSQL refuses to run as root and no user postgres could be made: run this as another user',
      { cause: error },
    );
  }
}
