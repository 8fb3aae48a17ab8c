import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deadLetterTopic } from '#libs/contracts/src/topics.ts';
import { DEFAULT_GHL_RULES } from '#libs/domain/src/settings.ts';
import { readLetters } from '#libs/kafka/src/letters.ts';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { findLetters } from '#libs/storage/src/dead-letters.ts';
import { createPool, type Database } from '#libs/storage/src/pool.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { emptyWorld } from '#testcontainers/simulators/ghl/world.ts';

/** Secrets and personal data that no pattern of ours would recognise: only not writing them keeps them out. */
const CANARY = {
  token: 'canarytokenQ7x',
  password: 'canarypasswordQ7x',
  wrongKey: 'canarykeyQ7x',
  email: 'canarymail.q7x@canary-q7x.test',
  phone: '+13055557193',
  name: 'Canaryfirst',
  surname: 'Canarylast',
  field: 'canaryfieldQ7x',
};
const ROLE = 'canary_role';

let owner: Database;
let test: TestPipeline;
let databaseUrl: string | undefined;
let logged = '';
const started = Date.now();

beforeAll(async () => {
  databaseUrl = process.env['DATABASE_URL'];
  owner = createPool({ databaseUrl: testStack().databaseUrl, applicationName: 'canaries', max: 2 });
  await owner.query('delete from vendors');
  await owner.query(`drop role if exists ${ROLE}`);
  await owner.query(`create role ${ROLE} superuser login password '${CANARY.password}'`);
  // The same tables, whichever schema they are in for the owner.
  const { rows } = await owner.query<{ path: string }>(`select array_to_string(current_schemas(false), ', ') as path`);
  await owner.query(`alter role ${ROLE} set search_path = ${rows[0]!.path}`);
  const url = new URL(testStack().databaseUrl);
  url.username = ROLE;
  url.password = CANARY.password;
  process.env['DATABASE_URL'] = url.toString();
  const world = emptyWorld(7193);
  world.token = CANARY.token;
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString();
      done();
    },
  });
  test = await startTestPipeline(
    world,
    {},
    { logger: createLogger({ name: 'canaries', level: 'debug', destination }) },
  );
}, 60_000);

afterAll(async () => {
  await test.stop();
  await owner.query('alter table vendors drop constraint if exists canary');
  await owner.query('drop trigger if exists canary on vendors');
  await owner.query('drop function if exists canary');
  await owner.query(`reassign owned by ${ROLE} to current_user`);
  // What its deploy step granted goes with it.
  await owner.query(`drop owned by ${ROLE}`);
  await owner.query(`drop role ${ROLE}`);
  await owner.end();
  process.env['DATABASE_URL'] = databaseUrl;
}, 60_000);

/** Text and the canaries in it. */
function found(text: string): string[] {
  return Object.entries(CANARY).flatMap(([what, value]) =>
    text.toLowerCase().includes(value.toLowerCase()) ? [what] : [],
  );
}

function plant(): void {
  const { customFields } = DEFAULT_GHL_RULES;
  for (const more of [
    {},
    { email: `second.${CANARY.email}`, customFields: [{ id: customFields.leadClosePercentage, value: CANARY.field }] },
  ])
    test.world.addContact({
      firstName: CANARY.name,
      lastName: CANARY.surname,
      email: CANARY.email,
      phone: CANARY.phone,
      source: 'Vendor Application',
      tags: [],
      ...more,
    });
}

async function deadLetters(): Promise<string[]> {
  const filter = { account: test.world.locationId, since: started };
  const { items } = await findLetters(owner, filter, { limit: 100, order: 'newest' });
  return items.map(({ id }) => id);
}

const problem = async (path: string, init: RequestInit): Promise<string> => {
  const headers = { authorization: `Bearer ${test.apiKey}`, 'content-type': 'application/json', ...init.headers };
  const response = await fetch(`${test.pipeline.url}${path}`, { ...init, headers });
  expect(response.headers.get('content-type')).toContain('problem+json');
  return `${JSON.stringify([...response.headers])} ${await response.text()}`;
};

describe('planted secrets and personal data', () => {
  const told: Record<string, string> = {};

  it('go through a sync with every kind of trouble', async () => {
    const before = await topicOffsets(test.pipeline.platform.kafka, ['crm.scan.v1', 'crm.sync-request.v1']);
    plant();
    test.simulator.faults.add({ kind: '500', times: 1 });
    test.simulator.faults.add({ kind: 'truncated', times: 1 });
    test.simulator.faults.add({ kind: '502-html', times: 1 });
    // PostgreSQL itself quotes the row: once as an error nobody foresaw, which is tried again and then given up.
    await owner.query(`create function canary() returns trigger language plpgsql as $$ begin
      raise exception 'no % % with %', new.name, new.phone, new.email; end $$`);
    await owner.query(
      `create trigger canary before insert on vendors for each row when (new.email like 'second.%') execute function canary()`,
    );
    const raised = await test.sync();
    await owner.query('drop trigger canary on vendors');
    await owner.query(`alter table vendors add constraint canary check (name not like '${CANARY.name}%') not valid`);
    const refused = await test.sync();
    await owner.query('alter table vendors drop constraint canary');
    expect([raised, refused]).toMatchObject([{ status: 'needs_confirmation' }, { status: 'needs_confirmation' }]);
    test.simulator.faults.add({ kind: 'token-expired' });
    const failed = await test.sync();
    test.simulator.faults.clear();
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'ghl_unauthorized' } });
    const applied = await test.sync();
    expect(applied.stats).toMatchObject({ vendors_created: 1, field_errors: 1 });
    told['runs'] = JSON.stringify([raised, refused, failed, applied]);

    await test.pipeline.platform.producer.sendRaw([
      {
        topic: 'crm.raw.ghl.v1',
        key: Buffer.from(`${test.world.locationId}:contact:X`),
        value: Buffer.from(`{"email":"${CANARY.email}"}`),
        headers: { ce_id: randomUUID() },
      },
    ]);
    let ids = await deadLetters();
    while (ids.length < 3) ids = await deadLetters();
    const records = await readLetters(test.pipeline.platform.kafka, ids);
    expect(records.size).toBe(3);
    told['headers of dead letters'] = JSON.stringify([...records.values()].map(({ headers }) => headersOf(headers)));
    told['index of dead letters'] = JSON.stringify((await owner.query('select * from tributary.dead_letters')).rows);
    expect(told['index of dead letters']).toContain(deadLetterTopic('crm.observation.v1', 'projector-ghl'));
    const after = await topicOffsets(test.pipeline.platform.kafka, ['crm.scan.v1', 'crm.sync-request.v1']);
    const written = after.flatMap(({ topic, partition, high }) => {
      const low = before.find((one) => one.topic === topic && one.partition === partition)!.high;
      return Array.from({ length: high - low }, (_, index) => `${topic}:${partition}:${low + index}`);
    });
    const events = await readLetters(test.pipeline.platform.kafka, written);
    expect(events.size).toBeGreaterThan(10);
    told['scan events'] = [...events.values()].map(({ value }) => value!.toString('latin1')).join('\n');
  }, 120_000);

  it('and through requests that are refused', async () => {
    const json = JSON.stringify({ source: 'ghl', [CANARY.field]: CANARY.email, account: CANARY.phone });
    told['problem documents'] = (
      await Promise.all([
        problem('/v1/vendors', { headers: { authorization: `Bearer ${CANARY.wrongKey}` } }),
        problem('/v1/vendors?limit=x', {}),
        problem(`/v1/vendors?limit=${CANARY.phone.slice(1)}`, {}),
        problem('/v1/sync-requests', { method: 'POST', body: `{"email":"${CANARY.email}"` }),
        problem('/v1/sync-requests', {
          method: 'POST',
          body: json.replace(CANARY.field, 'email').replace(CANARY.phone, 'x'),
        }),
      ])
    ).join('\n');
  });

  it.each(['runs', 'headers of dead letters', 'index of dead letters', 'scan events', 'problem documents'])(
    'are not in %s',
    (where) => {
      expect(told[where]!.length).toBeGreaterThan(100);
      expect(found(told[where]!)).toEqual([]);
    },
  );

  it('are not in metrics', async () => {
    const metrics = await (await fetch(`${test.pipeline.url}/metrics`)).text();
    expect(metrics).toContain('crm_dead_letters_total');
    expect(found(metrics)).toEqual([]);
  });

  it('are not in the log at level debug', () => {
    expect(logged).toContain('record dead-lettered');
    expect(logged.split('\n').filter((line) => found(line).length > 0)).toEqual([]);
  });
});

function headersOf(headers: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
