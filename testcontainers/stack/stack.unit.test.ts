import { mkdtempSync, readdirSync, rmSync, writeFileSync, existsSync, readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chooseStack } from './choice.ts';
import { pomVersions } from './downloads.ts';
import { findJava, majorOf, type JavaProbe } from './java.ts';
import { acquireLock, acquireOwnerLock, isAlive, markOf } from './lock.ts';
import { answers, choosePorts, isFree } from './ports.ts';
import { plainEnvironment } from './processes.ts';
import { clusterId } from './kafka.ts';
import { findStack, stackEnv, stackStatus, startStack, stopStack } from './stack.ts';

const ADDRESSES = {
  KAFKA_BROKERS: '127.0.0.1:1,127.0.0.1:2',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1/apis/ccompat/v7',
  DATABASE_URL: 'postgresql://me:secret@127.0.0.1:1/db',
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-unit-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('which stack', () => {
  it.each([
    ['nothing set', {}, 'embedded'],
    ['all three addresses', ADDRESSES, 'external'],
    ['blank addresses', { KAFKA_BROKERS: '', SCHEMA_REGISTRY_URL: ' ', DATABASE_URL: '' }, 'embedded'],
    ['forced embedded', { ...ADDRESSES, STACK: 'embedded' }, 'embedded'],
    ['forced external', { ...ADDRESSES, STACK: 'external' }, 'external'],
  ])('%s', (_name, env, kind) => {
    expect(chooseStack(env).kind).toBe(kind);
  });

  it.each([
    ['docker', { STACK: 'docker' }, /later version.*STACK=embedded/],
    ['a typo', { STACK: 'embeded' }, /STACK is embeded/],
    ['external without addresses', { STACK: 'external' }, /KAFKA_BROKERS and SCHEMA_REGISTRY_URL and DATABASE_URL/],
    ['one address of three', { DATABASE_URL: ADDRESSES.DATABASE_URL }, /needs KAFKA_BROKERS and SCHEMA_REGISTRY_URL/],
    ['an address that is none', { ...ADDRESSES, DATABASE_URL: 'secret@host' }, /^DATABASE_URL is no address/],
    [
      'a registry without http',
      { ...ADDRESSES, SCHEMA_REGISTRY_URL: 'registry:8080' },
      /SCHEMA_REGISTRY_URL: must be an http/,
    ],
    ...['kafka', 'kafka:9092,', 'kafka://kafka:9092', 'kafka:99999', '[::1]:9092', 'kafka:9092 other:9092'].map(
      (brokers): [string, NodeJS.ProcessEnv, RegExp] => [
        `brokers ${brokers}`,
        { ...ADDRESSES, KAFKA_BROKERS: brokers },
        /KAFKA_BROKERS: must be a list of host:port/,
      ],
    ),
  ])('refuses %s, naming the setting', (_name, env, message) => {
    expect(() => chooseStack(env)).toThrow(message);
  });

  it('reads an address from a file', () => {
    const file = join(folder, 'url');
    writeFileSync(file, `${ADDRESSES.DATABASE_URL}\n`);
    const { DATABASE_URL, ...others } = ADDRESSES;
    expect(chooseStack({ ...others, DATABASE_URL_FILE: file })).toMatchObject({ info: { databaseUrl: DATABASE_URL } });
  });

  it('says which parts of an external stack do not answer, and shows no password', async () => {
    const lines: string[] = [];
    const stack = await startStack({ dataDir: folder, env: ADDRESSES, log: (line) => lines.push(line) });
    expect(stack).toMatchObject({ owned: false, info: { kind: 'external' } });
    expect(lines).toEqual([expect.stringContaining('no answer from DATABASE_URL (127.0.0.1:1)')]);
    expect(lines.join()).not.toContain('secret');
    const { parts } = await stackStatus(folder, ADDRESSES);
    expect(parts.map(({ part, reachable, pid, port }) => ({ part, reachable, pid, port }))).toEqual(
      ['postgres', 'kafka', 'registry'].map((part) => ({ part, reachable: false, pid: null, port: 1 })),
    );
  });
});

describe('java', () => {
  const probe = (home: string | undefined, versions: Record<string, number>): JavaProbe => ({
    env: home === undefined ? {} : { JAVA_HOME: home },
    candidates: (pattern) =>
      pattern.startsWith('/usr') ? Object.keys(versions).filter((java) => java.startsWith('/usr')) : [],
    version: (java) => versions[java],
  });

  it.each([
    ['JAVA_HOME first', probe('/home/jdk', { '/home/jdk/bin/java': 21, java: 25 }), '/home/jdk/bin/java'],
    ['PATH when JAVA_HOME is too old', probe('/home/jdk', { '/home/jdk/bin/java': 17, java: 25 }), 'java'],
    [
      'a folder of the system when PATH is too old',
      probe(undefined, { java: 17, '/usr/lib/jvm/a/bin/java': 17, '/usr/lib/jvm/b/bin/java': 25 }),
      '/usr/lib/jvm/b/bin/java',
    ],
  ])('takes %s', (_name, given, java) => {
    expect(findJava(given)).toBe(java);
  });

  it('names what it found and the ways out when all are too old', () => {
    expect(() => findJava(probe(undefined, { java: 17 }))).toThrow(
      /Java 21 or newer .*java is Java 17.*install a JDK 21\+, set JAVA_HOME .*KAFKA_BROKERS/,
    );
    expect(() => findJava(probe(undefined, {}))).toThrow(/found none/);
  });

  it.each([
    ['openjdk version "25.0.1" 2025-10-21', 25],
    ['Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "21-ea"', 21],
    ['java version "1.8.0_402"', 1],
    ['command not found', undefined],
  ])('reads %j', (text, major) => {
    expect(majorOf(text)).toBe(major);
  });
});

describe('ports', () => {
  it('takes the first ports, then keeps to those it took', async () => {
    const lines: string[] = [];
    const busy = new Set([25_432, 25_433, 28_081]);
    const ports = await choosePorts(
      folder,
      (line) => lines.push(line),
      async (port) => !busy.has(port),
    );
    expect(ports).toEqual({
      postgres: 25_434,
      kafka: 29_092,
      controller: 29_192,
      registry: 28_082,
      registryManagement: 28_181,
    });
    expect(lines).toEqual(['Port 25432 is in use: postgres takes 25434', 'Port 28081 is in use: registry takes 28082']);
    expect(
      await choosePorts(
        folder,
        (line) => lines.push(line),
        async () => true,
      ),
    ).toEqual(ports);
    expect(lines).toHaveLength(2);
  });

  it('never gives one port to two servers', async () => {
    writeFileSync(
      join(folder, 'ports.json'),
      JSON.stringify({ postgres: 5000, kafka: 5000, controller: 5000, registry: 5000, registryManagement: 5000 }),
    );
    const ports = await choosePorts(
      folder,
      () => undefined,
      async () => true,
    );
    expect(new Set(Object.values(ports)).size).toBe(5);
  });

  it('knows a port in use from a free one', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect([await isFree(port), await answers('127.0.0.1', port)]).toEqual([false, true]);
    server.close();
    await once(server, 'close');
    expect([await isFree(port), await answers('127.0.0.1', port)]).toEqual([true, false]);
  });
});

describe('locks', () => {
  it('are held once and given back', () => {
    const release = acquireOwnerLock(folder);
    expect(release).toBeInstanceOf(Function);
    expect(acquireOwnerLock(folder)).toMatchObject({ pid: process.pid });
    if (typeof release === 'function') release();
    expect(acquireOwnerLock(folder)).toBeInstanceOf(Function);
    expect(readdirSync(folder)).toEqual(['owner.lock']);
  });

  it.each([
    ['of a process that is gone', JSON.stringify({ pid: 2 ** 22 + 1, started: '1' })],
    ['of an earlier process with our number', JSON.stringify({ pid: process.pid, started: '1' })],
    ['that is no JSON', ''],
  ])('%s are taken over', (_name, text) => {
    const file = join(folder, 'a.lock');
    writeFileSync(file, text);
    const release = acquireLock(file);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(markOf());
    if (typeof release === 'function') release();
    expect(existsSync(file)).toBe(false);
  });

  it('go free with a killed holder', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const mark = markOf(child.pid);
    expect(isAlive(mark)).toBe(true);
    writeFileSync(join(folder, 'a.lock'), JSON.stringify(mark));
    expect(acquireLock(join(folder, 'a.lock'))).toMatchObject({ pid: child.pid });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(acquireLock(join(folder, 'a.lock'))).toBeInstanceOf(Function);
  });
});

describe('what others see', () => {
  it('prints exports that a shell reads as they are', () => {
    const text = stackEnv({
      kind: 'embedded',
      kafkaBrokers: '127.0.0.1:9',
      schemaRegistryUrl: 'http://127.0.0.1:8/apis/ccompat/v7',
      databaseUrl: "postgresql://u:it's@h/d",
    });
    expect(text.split('\n')).toEqual([
      "export STACK='external'",
      "export KAFKA_BROKERS='127.0.0.1:9'",
      "export SCHEMA_REGISTRY_URL='http://127.0.0.1:8/apis/ccompat/v7'",
      `export DATABASE_URL='postgresql://u:it'\\''s@h/d'`,
    ]);
  });

  it('finds no stack in an empty or damaged folder', async () => {
    expect(await findStack(folder)).toBeUndefined();
    expect(await stopStack(folder)).toBe(false);
    writeFileSync(join(folder, 'stack.json'), '{"owner":');
    expect(await findStack(folder)).toBeUndefined();
    expect(await stackStatus(folder, {})).toMatchObject({
      kind: 'embedded',
      parts: [{ reachable: false }, { reachable: false }, { reachable: false }],
    });
  });

  it('gives servers no secret of their owner', () => {
    expect(
      plainEnvironment({
        PATH: '/bin',
        HOME: '/h',
        GHL_PRIVATE_TOKEN: 'pit',
        PGPASSWORD: 'x',
        JAVA_TOOL_OPTIONS: '-X',
      }),
    ).toEqual({ PATH: '/bin', HOME: '/h' });
  });

  it('reads the versions of the pom', () => {
    const pom = readFileSync(join(import.meta.dirname, '../../deploy/embedded/pom.xml'), 'utf8');
    expect(pomVersions(pom)).toEqual({
      kafka: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      registry: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
  });
});

it('the id of a cluster does not look like an option', () => {
  const drawn = [Buffer.alloc(16, 0xf8), Buffer.alloc(16, 1)];
  expect(clusterId(() => drawn.shift()!)).toBe('AQEBAQEBAQEBAQEBAQEBAQ');
});
