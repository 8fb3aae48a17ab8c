import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { isAlive, markOf, type ProcessMark } from './lock.ts';
import { readStackFile } from './stack-file.ts';
import { findStack, stackStatus, startStack, stopStack, type RunningStack, type StackInfo } from './stack.ts';
import { stackUp } from './up.ts';

const env = {
  ...process.env,
  STACK: 'embedded',
  DOWNLOADS_DIR: process.env['DOWNLOADS_DIR'] ?? resolve('.data/downloads'),
};
const silent = (): void => undefined;
let root: string;
let dataDir: string;
let stack: RunningStack;

beforeAll(async () => {
  // Closed to everybody else: for root, PostgreSQL's own user cannot walk in by itself.
  root = mkdtempSync(join(tmpdir(), 'tributary-stack-'));
  chmodSync(root, 0o700);
  dataDir = join(root, 'data');
  stack = await startStack({ dataDir, env, log: silent, fast: true });
}, 300_000);

afterAll(async () => {
  await stack.stop();
  await stopStack(dataDir);
  rmSync(root, { recursive: true, force: true });
}, 60_000);

function processes(): ProcessMark[] {
  const file = readStackFile(dataDir);
  return file === undefined ? [] : [...file.servers, file.owner];
}

async function allGone(marks: ProcessMark[]): Promise<boolean> {
  for (let tries = 0; marks.some(isAlive) && tries < 300; tries += 1) await wait(50);
  return !marks.some(isAlive);
}

async function select(info: StackInfo, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: info.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return Object.values(rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

async function topicsOf(info: StackInfo, create?: string): Promise<string[]> {
  const admin = new Kafka({ brokers: info.kafkaBrokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    if (create !== undefined)
      await admin.createTopics({ topics: [{ topic: create, numPartitions: 6 }], waitForLeaders: true });
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

async function registerSchema(info: StackInfo): Promise<number> {
  const response = await fetch(`${info.schemaRegistryUrl}/subjects/stack.test/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({
      schema: JSON.stringify({ type: 'record', name: 'T', fields: [{ name: 'a', type: 'string' }] }),
    }),
  });
  return ((await response.json()) as { id: number }).id;
}

/** A process of its own that starts (or finds) the stack of the data folder. */
async function owner(): Promise<{ child: ChildProcess; owned: boolean }> {
  const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'owner.fixture.mjs'), dataDir], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, owned: line.toString().includes('true') };
}

/** Addresses (as the kernel prints them) on which a process accepts connections. */
function listenersOf(pid: number): string[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return []; // Closed while we looked.
      }
    }),
  );
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) =>
    readFileSync(table, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && sockets.has(fields[9] ?? ''))
      .map((fields) => fields[1]?.split(':')[0] ?? ''),
  );
}

describe('the embedded stack', () => {
  let schemaId: number;

  it('is a broker, a registry and a database at once', async () => {
    expect(stack.owned).toBe(true);
    expect(await topicsOf(stack.info, 'stack.test')).toContain('stack.test');
    schemaId = await registerSchema(stack.info);
    expect(schemaId).toBeGreaterThan(0);
    expect(await select(stack.info, 'select current_database()')).toBe('tributary');
    expect(await select(stack.info, `select lower('ÄÉ')`)).toBe('äé');
  }, 30_000);

  it('listens on 127.0.0.1 only and keeps its password to its owner', () => {
    const file = readStackFile(dataDir);
    if (process.platform === 'linux') {
      const addresses = (file?.servers ?? []).flatMap(({ pid }) => listenersOf(pid));
      expect(addresses.length).toBeGreaterThanOrEqual(5);
      for (const address of addresses) expect(address).toMatch(/0100007F$/);
    }
    for (const name of ['stack.json', 'postgres-password']) expect(statSync(join(dataDir, name)).mode & 0o077).toBe(0);
  });

  it('is found again by a second start and told of by status', async () => {
    const again = await startStack({ dataDir, env, log: silent });
    expect(again).toMatchObject({ owned: false, info: stack.info });
    await again.stop();
    const { kind, parts } = await stackStatus(dataDir, env);
    expect(kind).toBe('embedded');
    for (const part of parts)
      expect(part).toMatchObject({
        reachable: true,
        pid: expect.any(Number),
        port: expect.any(Number),
        version: expect.stringMatching(/^\d+\.\d+/),
      });
  });

  it('serves as an external stack', async () => {
    const { kafkaBrokers, schemaRegistryUrl, databaseUrl } = stack.info;
    const addresses = {
      KAFKA_BROKERS: kafkaBrokers,
      SCHEMA_REGISTRY_URL: schemaRegistryUrl,
      DATABASE_URL: databaseUrl,
    };
    const lines: string[] = [];
    const external = await startStack({
      dataDir: join(root, 'other'),
      env: addresses,
      log: (line) => lines.push(line),
    });
    expect(external).toMatchObject({ owned: false, info: { kind: 'external' } });
    expect(lines).toEqual(['Stack: external (KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL)']);
    expect((await stackStatus(dataDir, addresses)).parts.map(({ reachable }) => reachable)).toEqual([true, true, true]);
  });

  it('stops at once however often it is told, leaves no process and no stack.json', async () => {
    const servers = readStackFile(dataDir)?.servers ?? [];
    expect(servers).toHaveLength(3);
    await Promise.all([stack.stop(), stack.stop()]);
    expect(servers.some(isAlive)).toBe(false);
    expect(existsSync(join(dataDir, 'stack.json'))).toBe(false);
    expect(await findStack(dataDir)).toBeUndefined();
  }, 20_000);

  it('leaves no process when its owner is killed without a word, and starts again at once with everything it knew', async () => {
    const { child, owned } = await owner();
    expect(owned).toBe(true);
    const before = processes();
    expect(before).toHaveLength(4);
    // Until we have taken note of its end, the owner looks alive to us.
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    // At once: the guard has not ended the old servers yet.
    stack = await startStack({ dataDir, env, log: silent, fast: true });
    expect(stack.owned).toBe(true);
    expect(await allGone(before)).toBe(true);
    expect(await topicsOf(stack.info)).toContain('stack.test');
    expect(await registerSchema(stack.info)).toBe(schemaId);
  }, 60_000);

  it('tells its owner of a server that dies', async () => {
    const told = new Promise<string>((done) => stack.onExit((part) => done(part)));
    const kafka = readStackFile(dataDir)?.servers.find(({ name }) => name === 'kafka');
    process.kill(kafka?.pid ?? 0, 'SIGKILL');
    expect(await told).toBe('kafka');
    expect(await findStack(dataDir)).toBeUndefined();
    await stack.stop();
  }, 20_000);

  it('is started once by two processes at the same time, and ends with the one that has it', async () => {
    const both = await Promise.all([owner(), owner()]);
    expect(both.map(({ owned }) => owned).sort()).toEqual([false, true]);
    const all = processes();
    for (const { child } of both) child.kill('SIGKILL');
    expect(await allGone(all)).toBe(true);
  }, 60_000);
});

describe('the guard', () => {
  it('takes the stack with it when it dies, and the owner hears of it', async () => {
    stack = await startStack({ dataDir, env, log: silent, fast: true });
    const servers = readStackFile(dataDir)?.servers ?? [];
    const told = new Promise<string>((done) => stack.onExit((part) => done(part)));
    const guard = Number(
      execFileSync('pgrep', ['-P', String(process.pid), '-f', 'stack/guard.mjs'], { encoding: 'utf8' }),
    );
    process.kill(guard, 'SIGKILL');
    expect(await told).toBe('guard');
    expect(await allGone(servers)).toBe(true);
  }, 60_000);
});

describe('stack up and down', () => {
  it('outlives the command that started it, until it is told to end', async () => {
    const lines: string[] = [];
    const up = await stackUp({ dataDir, env, log: (line) => lines.push(line) });
    expect(up.started).toBe(true);
    expect(lines).toContainEqual(expect.stringContaining('Stack: embedded'));
    expect(await stackUp({ dataDir, env, log: silent })).toEqual({ info: up.info, started: false });
    expect(await select(up.info, 'select 1')).toBe(1);
    const all = processes();
    expect(all).not.toContainEqual(markOf());
    expect(await stopStack(dataDir)).toBe(true);
    expect(all.some(isAlive)).toBe(false);
    expect(await stopStack(dataDir)).toBe(false);
  }, 60_000);
});
