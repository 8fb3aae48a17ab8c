import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findLetters, type LetterRow } from '#libs/storage/src/dead-letters.ts';
import { tributary as runTributary, type Ended } from '#testcontainers/command.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { emptyWorld } from '#testcontainers/simulators/ghl/world.ts';

const account = `cli${randomUUID().slice(0, 8)}`;
let test: TestPipeline;
let letters: LetterRow[] = [];

beforeAll(async () => {
  test = await startTestPipeline(emptyWorld(67));
  const { producer, database } = test.pipeline.platform;
  const bad = { topic: 'crm.raw.ghl.v1', value: Buffer.from('no avro'), headers: {} };
  await producer.sendRaw(['a', 'b'].map((id) => ({ ...bad, key: Buffer.from(`${account}:contact:${id}`) })));
  while (letters.length < 2)
    letters = (await findLetters(database, { account }, { limit: 9, order: 'original' })).items;
}, 60_000);

afterAll(async () => {
  await test.stop();
}, 60_000);

const command = (...args: string[]): Promise<Ended> => runTributary(args, { ...process.env, STACK: 'external' });
const tributary = (...args: string[]): Promise<Ended> => command('dead-letters', ...args);

describe('tributary dead-letters', () => {
  it('lists with filters, and shows one with its headers and why it does not decode', async () => {
    const { code, stdout } = await tributary('list', '--account', account, '--code', 'record_undecodable', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ total: 2, items: [{ account, state: 'waiting' }, { account }] });
    const none = await tributary('list', '--account', account, '--until', '2020-01-01');
    expect(none.stdout).toBe('No dead letters.\n');
    const shown = await tributary('show', letters[0]!.id);
    expect(shown.stdout).toContain('__connect.errors.offset:');
    expect(shown.stdout).toContain('no Confluent framing');
  }, 30_000);

  it('does nothing on a dry run or without a yes, and then does and records it', async () => {
    const these = ['--account', account, '--limit', '1'];
    const dry = await tributary('redrive', ...these, '--dry-run', '--json');
    expect(JSON.parse(dry.stdout)).toMatchObject({
      dryRun: true,
      total: 2,
      items: [{ id: letters[0]!.id, state: 'waiting' }],
    });
    const unasked = await tributary('discard', ...these, '--reason', 'made up');
    expect(unasked).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--yes') });
    const done = await tributary('discard', ...these, '--reason', 'made up', '--yes', '--json');
    expect(JSON.parse(done.stdout)).toMatchObject({ done: [letters[0]!.id] });
    const { items } = await findLetters(
      test.pipeline.platform.database,
      { account, state: 'discarded' },
      { limit: 9, order: 'newest' },
    );
    expect(items).toMatchObject([{ id: letters[0]!.id, reason: 'made up', actedBy: expect.stringMatching(/^cli:./) }]);
  }, 30_000);

  it.each([
    [['redrive', '--rate', '0']],
    [['list', '--since', 'yesterday']],
    [['discard']],
    [['list', '--topic', 'nothing']],
    [['show', 'nothing:0:0']],
  ])(
    '%j ends with exit code 2',
    async (args) => {
      expect(await tributary(...args)).toMatchObject({ code: 2, stdout: '' });
    },
    20_000,
  );
});

it('tributary outbox tells what no topic took, doctor what to do, and retry has it published', async () => {
  const { database } = test.pipeline.platform;
  const value = { syncId: randomUUID(), source: 'ghl', account, requestedBy: 'test', requestedAt: 1 };
  const content = [
    {
      topic: 'crm.sync-request.v1',
      key: `ghl:${account}`,
      type: 'crm.sync.v1.SyncCancelled',
      eventId: value.syncId,
      scanId: null,
      value,
    },
  ];
  // What a run that was interrupted left.
  await database.query(`delete from tributary.outbox where kind = 'refused'`);
  await database.query(`insert into tributary.outbox (kind, events, content) values ('refused', 1, $1)`, [
    JSON.stringify(content),
  ]);
  const found = await command('outbox', '--json');
  expect(JSON.parse(found.stdout)).toEqual({ pending: 0, setAside: [{ topic: 'crm.sync-request.v1', events: 1 }] });
  const { code, stdout } = await command('doctor');
  expect(code).toBe(2);
  expect(stdout).toMatch(/outbox: .*1 for crm\.sync-request\.v1.*max\.message\.bytes.*outbox retry/);
  expect(await command('outbox', 'retry')).toMatchObject({ code: 0, stdout: 'Put back: 1\n' });
  while ((await database.query('select from tributary.outbox')).rowCount !== 0) continue;
}, 60_000);
