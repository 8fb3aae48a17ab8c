import { randomInt } from 'node:crypto';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { AppError } from '#libs/runtime/src/errors.ts';
import { readJson, writeJson, type Ports } from './stack-file.ts';

/** Below the ports that systems give to outgoing connections (Linux: 32768 and more), which could take one of ours between two starts. */
const FIRST_PORTS: Ports = {
  postgres: 25_432,
  kafka: 29_092,
  controller: 29_192,
  registry: 28_081,
  registryManagement: 28_181,
};
const TRIED = 200;

/** The ports of the last start of this data folder where they are free, else the next free ones (said through log). */
export async function choosePorts(dataDir: string, log: (line: string) => void, free = isFree): Promise<Ports> {
  const file = join(dataDir, 'ports.json');
  const ports = { ...FIRST_PORTS, ...readJson<Partial<Ports>>(file) };
  const taken = new Set<number>();
  for (const name of Object.keys(FIRST_PORTS) as (keyof Ports)[]) {
    const port = await freePort(ports[name], taken, free);
    if (port !== ports[name]) log(`Port ${ports[name]} is in use: ${name} takes ${port}`);
    taken.add(port);
    ports[name] = port;
  }
  writeJson(file, ports);
  return ports;
}

async function freePort(first: number, taken: Set<number>, free: (port: number) => Promise<boolean>): Promise<number> {
  for (let port = first; port < first + TRIED && port <= 65_535; port += 1) {
    if (!taken.has(port) && (await free(port))) return port;
  }
  throw new AppError(
    'port_in_use',
    `no free port from ${first} to ${first + TRIED - 1} on 127.0.0.1: end what uses them`,
  );
}

/** True when nobody listens on the port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** True when somebody accepts connections. */
export function answers(host: string, port: number, timeoutMs = 1_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

/** Ports on 127.0.0.1 that nobody listens on now, for servers of one test's own; below those of outgoing connections too. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(10_000, 24_000);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}
