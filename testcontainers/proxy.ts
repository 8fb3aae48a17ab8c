import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy that stands between us and a server, to play the network's tricks. */
export interface Proxy {
  port: number;
  /** Breaks every connection and refuses new ones. */
  cut(this: void): void;
  /** Goes on accepting, but lets nothing through in either direction: what a half-open connection looks like. */
  swallow(this: void): void;
  /** Lets everything through again; connections whose bytes were swallowed are broken. */
  heal(this: void): void;
  /** Resolves when a client has tried to connect while the connection was cut. */
  refused(this: void): Promise<void>;
  stop(this: void): Promise<void>;
}

/** Starts a proxy to host:port on 127.0.0.1, healthy unless `cut` says otherwise. */
export async function startProxy(target: { host: string; port: number }, { cut = false } = {}): Promise<Proxy> {
  let state: 'healthy' | 'cut' | 'swallowing' = cut ? 'cut' : 'healthy';
  const sockets = new Set<Socket>();
  let waiting: (() => void)[] = [];

  const server = createServer((client) => {
    if (state === 'cut') {
      client.destroy();
      for (const tell of waiting.splice(0)) tell();
      return;
    }
    const upstream = connect(target);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (chunk) => {
        if (state === 'healthy') to.write(chunk);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });

  function breakAll(): void {
    for (const socket of sockets) socket.destroy();
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      state = 'cut';
      breakAll();
    },
    swallow() {
      state = 'swallowing';
    },
    heal() {
      if (state === 'swallowing') breakAll();
      state = 'healthy';
    },
    refused: () => new Promise((resolve) => (waiting = [...waiting, resolve])),
    async stop() {
      state = 'cut';
      breakAll();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
