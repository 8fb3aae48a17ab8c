/** Preloaded into a service: connections to DETOUR_FROM go to DETOUR_TO, since brokers tell their clients their own address. */
import net from 'node:net';

const { DETOUR_FROM, DETOUR_TO } = process.env;
const connect = net.connect;
net.connect = (options, ...rest) =>
  connect(String(options?.port) === DETOUR_FROM ? { ...options, port: Number(DETOUR_TO) } : options, ...rest);
