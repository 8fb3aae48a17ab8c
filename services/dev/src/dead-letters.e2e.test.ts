import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { rowIdOf } from '#libs/storage/src/ids.ts';
import { findLetters, type LetterFilter, type LetterRow } from '#libs/storage/src/dead-letters.ts';
import { discard, redrive } from '#libs/runtime/src/dead-letters/act.ts';
import { showLetter } from '#libs/runtime/src/dead-letters/show.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { emptyWorld, type StoredContact } from '#testcontainers/simulators/ghl/world.ts';

let test: TestPipeline;

beforeAll(async () => {
  test = await startTestPipeline(emptyWorld(815));
}, 60_000);

afterAll(async () => {
  await test.stop();
}, 60_000);

beforeEach(async () => {
  test.world.contacts.clear();
  test.world.revision += 1;
  await query('delete from vendors');
});

afterEach(async () => {
  await heal();
});

async function query<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
  return (await test.pipeline.platform.database.query<T>(text, values)).rows;
}

const poison = (email: string): Promise<object[]> =>
  query(`alter table vendors add constraint no_poison check (email is null or email <> '${email}') not valid`);
const heal = (): Promise<object[]> => query('alter table vendors drop constraint if exists no_poison');

function vendor(contact: Partial<StoredContact>): StoredContact {
  return test.world.addContact({
    firstName: 'Ann',
    lastName: 'Lee',
    source: 'Vendor Application',
    tags: [],
    ...contact,
  });
}

/** What a query gives once it gives something. */
async function eventually<T>(ask: () => Promise<T[]>, count = 1): Promise<T[]> {
  for (;;) {
    const found = await ask();
    if (found.length >= count) return found;
    await new Promise((done) => setImmediate(done));
  }
}

const letters = async (filter: LetterFilter): Promise<LetterRow[]> =>
  (await findLetters(test.pipeline.platform.database, filter, { limit: 100, order: 'newest' })).items;

/** Runs a scan in which the row with an e-mail cannot be written, and returns the one dead letter of it. */
async function deadLetterOf(email: string): Promise<LetterRow> {
  await poison(email);
  const run = await test.sync();
  expect(run).toMatchObject({ status: 'needs_confirmation', exitCode: 3, stats: { dead_lettered: 1 } });
  const [letter] = await eventually(() => letters({ scanId: run.syncId }));
  await heal();
  return letter!;
}

const send = (id: string): ReturnType<typeof redrive> =>
  redrive(test.pipeline.platform, { filter: { ids: [id] }, limit: 10, ratePerSecond: 1000, by: 'test' });

describe('dead letters', () => {
  it('names where, why and in which scan, shows the event masked, and makes the row appear when it is redriven', async () => {
    const contact = vendor({ email: 'poison@example.test', phone: '+13055550123' });
    const letter = await deadLetterOf('poison@example.test');
    expect(letter).toMatchObject({
      topic: 'crm.observation.v1',
      group: 'projector-ghl',
      code: 'constraint_violated',
      type: 'crm.observation.v1.VendorObserved',
      account: test.world.locationId,
      state: 'waiting',
      attempts: 1,
    });
    expect(JSON.stringify(await query('select * from tributary.dead_letters'))).not.toContain('poison@example.test');
    const masked = await showLetter(test.pipeline.platform, letter.id, { reveal: false });
    expect(JSON.stringify(masked)).not.toMatch(/poison@|3055550123|Lee/);
    expect(masked.record).toMatchObject({
      undecodable: null,
      event: { contactId: contact.id, email: '[19 characters]' },
    });
    const revealed = await showLetter(test.pipeline.platform, letter.id, { reveal: true });
    expect(revealed.record).toMatchObject({ revealed: true, event: { email: 'poison@example.test' } });

    expect(await query('select 1 from vendors')).toEqual([]);
    expect(await send(letter.id)).toEqual({ done: [letter.id], expired: [], matched: 1 });
    const rows = await eventually(() => query<{ id: string }>('select id, born_scan from vendors'));
    expect(rows).toEqual([{ id: rowIdOf('vendor', test.world.locationId, contact.id), born_scan: null }]);
    expect(await letters({ ids: [letter.id] })).toMatchObject([{ state: 'redriven', actedBy: 'test' }]);
    // A second time there is nothing to send.
    expect(await send(letter.id)).toEqual({ done: [], expired: [], matched: 0 });
    expect((await test.sync()).stats).toMatchObject({ vendors_created: 0, unchanged: 1 });
  }, 60_000);

  it('a scan whose end cannot be applied fails and says why, and the next one marks what is gone', async () => {
    vendor({ id: 'gone', email: 'gone@example.test' });
    await test.sync();
    test.world.contacts.clear();
    test.world.revision += 1;
    await query(`alter table vendors add constraint no_poison check (missing_since is null)`);
    const run = await test.sync();
    expect(run).toMatchObject({ status: 'failed', exitCode: 1, success: false });
    expect(run.message).toMatch(/constraint_violated.*dead-letters list --scan/);
    await heal();
    expect(await test.sync()).toMatchObject({ status: 'completed', stats: { vendors_missing_in_ghl: 1 } });
  }, 60_000);

  it('binds the row that has its e-mail by now, as the end of a scan would', async () => {
    const contact = vendor({ email: 'mail@example.test', firstName: 'New' });
    const letter = await deadLetterOf('mail@example.test');
    await query(`insert into vendors (id, account_id, name, email) values ('mine', $1, 'Old', 'mail@example.test')`, [
      test.world.locationId,
    ]);
    await send(letter.id);
    const bound = await eventually(() =>
      query(`select id, name, ghl_contact_id from vendors where ghl_contact_id is not null`),
    );
    expect(bound).toEqual([{ id: 'mine', name: 'New Lee', ghl_contact_id: contact.id }]);
    expect(await query('select id from vendors')).toHaveLength(1);
  }, 30_000);

  it('counts as seen afterwards: confirming the scan that held the missing rule back spares its row', async () => {
    const contact = vendor({ email: 'seen@example.test' });
    const row = `insert into vendors (id, account_id, name, email, ghl_contact_id, born_at) values ($2, $1, 'Old', $3, $4, '2020-01-01')`;
    await query(row, [test.world.locationId, 'known', 'seen@example.test', contact.id]);
    await query(row, [test.world.locationId, 'gone', 'gone@example.test', 'GoneGoneGoneGoneGone']);
    const letter = await deadLetterOf('seen@example.test');
    await send(letter.id);
    await eventually(() => query(`select 1 from vendors where name = 'Ann Lee'`));
    const response = await fetch(`${test.pipeline.url}/v1/syncs/${letter.scanId}/confirm`, {
      method: 'POST',
      headers: { authorization: `Bearer ${test.apiKey}` },
    });
    expect(response.status).toBe(202);
    await eventually(() => query(`select 1 from vendors where id = 'gone' and missing_since is not null`));
    expect(await query(`select missing_since from vendors where id = 'known'`)).toEqual([{ missing_since: null }]);
  }, 30_000);

  it('does not bring back a row that a later scan missed', async () => {
    const contact = vendor({ email: 'away@example.test' });
    const row = `insert into vendors (id, account_id, name, email, ghl_contact_id, born_at) values ('known', $1, 'Old', $2, $3, '2020-01-01')`;
    await query(row, [test.world.locationId, 'away@example.test', contact.id]);
    const letter = await deadLetterOf('away@example.test');
    test.world.contacts.clear();
    test.world.revision += 1;
    expect(await test.sync()).toMatchObject({ stats: { vendors_missing_in_ghl: 1 } });
    await send(letter.id);
    await eventually(() => query(`select from vendors where name = 'Ann Lee'`));
    expect(await query('select from vendors where missing_since is not null')).toHaveLength(1);
  }, 30_000);

  it('writes nothing for a record of a dry run, whenever it comes back', async () => {
    vendor({ email: 'dry@example.test' });
    const letter = await deadLetterOf('dry@example.test');
    const { record } = await showLetter(test.pipeline.platform, letter.id, { reveal: true });
    const observed = record!.event as VendorObserved;
    const send = (value: VendorObserved): Promise<unknown> =>
      test.pipeline.platform.producer.send([
        {
          topic: 'crm.observation.v1',
          key: letter.id,
          type: 'crm.observation.v1.VendorObserved',
          id: randomUUID(),
          value,
        },
      ]);
    const outside = { ...observed, scanId: null, scanNumber: 0 };
    await send({ ...outside, dryRun: true, contactId: 'DryDryDryDryDryDryDr', email: null });
    await send({ ...outside, dryRun: false });
    expect(await eventually(() => query('select email from vendors'))).toEqual([{ email: 'dry@example.test' }]);
  }, 30_000);

  it('stays in the log when it fails again, as a new letter that names the one before', async () => {
    const key = `${test.world.locationId}:contact:Nobody`;
    await test.pipeline.platform.producer.sendRaw([
      {
        topic: 'crm.raw.ghl.v1',
        partition: 2,
        key: Buffer.from(key),
        value: Buffer.from('no avro'),
        headers: { ce_id: randomUUID() },
      },
    ]);
    const ofThis = { group: 'classifier', account: test.world.locationId, code: 'record_undecodable' };
    // Other tests leave letters of their own in the log, and the index follows it in its own time.
    const waiting = async (redrivenFrom: string | null): Promise<LetterRow[]> =>
      (await letters({ ...ofThis, state: 'waiting' })).filter(
        (letter) => letter.redrivenFrom === redrivenFrom && letter.partition === 2,
      );
    const [first] = await eventually(() => waiting(null));
    expect((await showLetter(test.pipeline.platform, first!.id, { reveal: true })).record).toMatchObject({
      bytes: 7,
      event: null,
      undecodable: expect.stringContaining('framing'),
    });
    await send(first!.id);
    const [second] = await eventually(() => waiting(first!.id));
    const discarded = { filter: { ids: [second!.id] }, limit: 1, by: 'test', reason: 'no contact at all' };
    expect(await discard(test.pipeline.platform, discarded)).toMatchObject({ done: [second!.id] });
    expect(await letters({ ids: [second!.id] })).toMatchObject([{ state: 'discarded', reason: 'no contact at all' }]);
    expect(await send(second!.id)).toMatchObject({ done: [] });
  }, 60_000);
});
