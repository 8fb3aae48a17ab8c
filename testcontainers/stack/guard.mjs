/**
 * Guard of the embedded stack: holds a pipe from the process that owns the servers. When the pipe ends, for whatever reason
 * (the owner may have been killed without a word), every server that is still registered is terminated, then killed.
 * Lines on stdin: `+PID` registers a process, `-PID` forgets it.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const KILL_AFTER_MS = 10_000;
/** Process id -> start time, so that a stranger who got the number later is never signalled. */
const servers = new Map();

function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function signal(pid, name) {
  try {
    if (startOf(pid) !== servers.get(pid)) throw new Error('another process');
    process.kill(pid, name);
  } catch {
    servers.delete(pid);
  }
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => undefined);

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const pid = Number(line.slice(1));
  if (line.startsWith('+')) servers.set(pid, startOf(pid));
  else servers.delete(pid);
});
lines.on('close', () => {
  // SIGINT is PostgreSQL's fast shutdown, and Java ends on it as well.
  for (const pid of [...servers.keys()]) signal(pid, 'SIGINT');
  const deadline = Date.now() + KILL_AFTER_MS;
  const timer = setInterval(() => {
    for (const pid of [...servers.keys()]) signal(pid, Date.now() > deadline ? 'SIGKILL' : 0);
    if (servers.size === 0) clearInterval(timer);
  }, 50);
});
