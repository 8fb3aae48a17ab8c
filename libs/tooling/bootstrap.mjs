/**
 * Installs the npm dependencies when they are missing or stale; npm runs it before start, test and tributary. Plain JavaScript
 * for the machine's own Node, since nothing is installed yet. It writes to stderr only: stdout belongs to the command that follows.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LEAST_NODE = 20;
const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.tributary-installed');
/** Set for npm and all it runs, so that no script of the installation comes back here. */
const RUNNING = 'TRIBUTARY_BOOTSTRAP';

if (process.env[RUNNING] === undefined) process.exitCode = main();

function main() {
  if (Number(process.versions.node.split('.')[0]) < LEAST_NODE) {
    return fail(
      `Node ${LEAST_NODE} or newer is needed, and this is ${process.versions.node}: install a newer one (https://nodejs.org)`,
    );
  }
  const lock = readFileSync(join(root, 'package-lock.json'));
  const stamp = `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}\n`;
  if (read(stampFile) === stamp) return 0;
  if (!matchesInstalled(lock)) {
    const code = install();
    if (code !== 0) return fail('npm ci failed, see above', code);
  }
  if (!existsSync(join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node'))) {
    return fail(
      'the npm package `node` was installed without its program: allow its install script (npm config ignore-scripts, allowScripts), remove node_modules, and try again',
    );
  }
  writeFileSync(stampFile, stamp);
  return 0;
}

/** True when somebody ran npm by hand and what lies there is what the lock file asks for; optional packages may be absent. */
function matchesInstalled(lock) {
  const hidden = read(join(modules, '.package-lock.json'));
  if (hidden === undefined) return false;
  const installed = JSON.parse(hidden).packages;
  return Object.entries(JSON.parse(lock.toString()).packages).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    return found === undefined
      ? wanted.optional === true
      : found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

function install() {
  console.error(
    existsSync(modules)
      ? 'Installing npm packages again (package-lock.json changed) ...'
      : 'Installing npm packages (once) ...',
  );
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm?.endsWith('.js')
    ? [process.execPath, npm]
    : [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
  const options = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync(command, [...first, ...options], {
    cwd: root,
    env: { ...process.env, [RUNNING]: '1' },
    stdio: ['ignore', 2, 2],
    shell: command.endsWith('.cmd'),
  });
  if (result.error !== undefined) console.error(`npm could not be run: ${result.error.message}`);
  return result.status ?? 128 + (constants.signals[result.signal] ?? -127);
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function fail(message, code = 1) {
  console.error(message);
  return code;
}
