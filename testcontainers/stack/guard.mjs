/**
 * Guard of the embedded stack: holds a pipe from the process that owns the servers. When the pipe ends, for whatever reason
 * (the owner may have been killed without a word), every server that is still registered is terminated, then killed.
 * Lines on stdin: `+PID` registers a process, `-PID` forgets it.
 */
import { createInterface } from 'node:readline';

const KILL_AFTER_MS = 10_000;
const pids = new Set();

function signal(pid, name) {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    pids.delete(pid);
    return false;
  }
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => undefined);

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const pid = Number(line.slice(1));
  if (line.startsWith('+')) pids.add(pid);
  else pids.delete(pid);
});
lines.on('close', () => {
  // SIGINT is PostgreSQL's fast shutdown; Java takes SIGTERM.
  for (const pid of pids) signal(pid, 'SIGINT');
  for (const pid of pids) signal(pid, 'SIGTERM');
  const deadline = Date.now() + KILL_AFTER_MS;
  const timer = setInterval(() => {
    for (const pid of pids) signal(pid, Date.now() > deadline ? 'SIGKILL' : 0);
    if (pids.size === 0) clearInterval(timer);
  }, 100);
});
