import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const ROOT = join(import.meta.dirname, '../../node_modules');
const LEAST_VERSION = '3.9';
const PROBE = 'import ensurepip, sys, venv; print(sys.version_info >= (3, 9), sys.version.split()[0])';

/** A Python with the packages of requirements.txt, or why there is none. */
export type Python = { python: string } | { missing: string };

/** Finds Python and installs the packages once for each version of both, in a folder that `npm ci` clears. */
export function preparePython(): Python {
  const probe = spawnSync('python3', ['-c', PROBE], { encoding: 'utf8' });
  const [isNew, version = ''] = (probe.stdout ?? '').trim().split(' ');
  if (isNew !== 'True') return { missing: `no python3 from ${LEAST_VERSION} on with venv` };
  const key = createHash('sha256').update(version).update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const folder = join(ROOT, `.interop-${key}`);
  const python = join(folder, 'bin/python');
  const stamp = join(folder, 'complete');
  if (existsSync(stamp)) return { python };
  // What an interrupted install left is thrown away.
  rmSync(folder, { recursive: true, force: true });
  const steps: [command: string, args: string[]][] = [
    ['python3', ['-m', 'venv', folder]],
    [
      python,
      ['-m', 'pip', 'install', '--quiet', '--no-input', '--only-binary', ':all:', '--requirement', REQUIREMENTS],
    ],
  ];
  for (const [command, args] of steps) {
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 });
    if (status !== 0)
      return { missing: `Python packages cannot be installed: ${(stderr ?? '').trim().split('\n').at(-1)}` };
  }
  writeFileSync(stamp, '');
  return { python };
}
