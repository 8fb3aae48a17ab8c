import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { leadRow, rules, vendorRow } from '#libs/domain/src/rules.fixture.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { createChangeLog, type Cause } from './changes.ts';
import { LEADS, VENDORS } from './columns.ts';
import { migrate, openOrm } from './orm.ts';
import { addToOutbox, outboxPending, relayOutbox, type OutboxEvent } from './outbox.ts';
import { createPool, inTransaction, type Database } from './pool.ts';
import { writeRows } from './rows.ts';

const NAME = 'tributary_outbox_test';
const CAUSE: Cause = { kind: 'observation', eventId: 'cause', scanId: null, at: 500 };
let admin: Database;
let database: Database;

beforeAll(async () => {
  const url = new URL(testStack().databaseUrl);
  admin = createPool({ databaseUrl: url.href, applicationName: 'test', max: 1 });
  await admin.query(`drop database if exists ${NAME}`);
  await admin.query(`create database ${NAME}`);
  url.pathname = `/${NAME}`;
  const orm = await openOrm(url.href);
  await orm.migrator.up({ to: '20261124-foundation' });
  await orm.close(true);
  database = createPool({ databaseUrl: url.href, applicationName: 'test', max: 3 });
  await database.query(
    `insert into outbox (topic, key, type, event_id, value) values ('crm.scan.v1', 'ghl:a', 'crm.scan.v1.ScanApplied', 'e1', '{"scanId":"s1"}')`,
  );
  await migrate(url.href);
}, 60_000);

afterAll(async () => {
  await database.end();
  await admin.query(`drop database ${NAME}`);
  await admin.end();
});

const never = (): void => {
  throw new Error('nothing is refused');
};

async function relayed(): Promise<OutboxEvent[]> {
  const events: OutboxEvent[] = [];
  await relayOutbox(database, (some) => Promise.resolve(void events.push(...some)), never);
  return events;
}

function change(phone: string, version: number): Promise<boolean> {
  return inTransaction(database, async (sql) => {
    const changes = createChangeLog(rules);
    const row = vendorRow({ id: 'v', phone });
    const before = version === 0 ? undefined : vendorRow({ id: 'v', phone: String(version) });
    await writeRows({ sql, rules, changes }, VENDORS, [{ row, version, before, cause: CAUSE }]);
    return changes.publish(sql);
  });
}

describe('the outbox', () => {
  it('keeps what waited in it before it could hold batches', async () => {
    expect(await relayed()).toEqual([
      {
        topic: 'crm.scan.v1',
        key: 'ghl:a',
        type: 'crm.scan.v1.ScanApplied',
        eventId: 'e1',
        scanId: null,
        value: { scanId: 's1' },
      },
    ]);
  });

  it('has the tables customers query in the schema public, whatever the user is called', async () => {
    const { rows } = await database.query(
      `select tablename as name from pg_tables where schemaname = 'public' order by 1`,
    );
    expect(rows.map(({ name }) => name as string)).toEqual(
      expect.arrayContaining(['accounts', 'leads', 'lifecycle', 'runs', 'vendors']),
    );
  });

  it('gives the changes of a row in order, again with the same ids when they could not be published', async () => {
    for (const [phone, version] of [
      ['1', 0],
      ['2', 1],
      ['3', 2],
    ] as const)
      await change(phone, version);
    expect(await outboxPending(database)).toBe(3);
    const offered: OutboxEvent[] = [];
    const failing = relayOutbox(
      database,
      (events) => {
        offered.push(...events);
        return Promise.reject(new Error('the broker is away'));
      },
      never,
    );
    await expect(failing).rejects.toMatchObject({ cause: { message: 'the broker is away' } });
    const events = await relayed();
    expect(events).toEqual(offered);
    expect(events.map(({ type, value }) => [type, (value as { version: number }).version])).toEqual([
      ['crm.lifecycle.v1.VendorCreated', 1],
      ['crm.lifecycle.v1.VendorUpdated', 2],
      ['crm.lifecycle.v1.VendorUpdated', 3],
    ]);
    expect(await relayed()).toEqual([]);
  });

  it('holds a first load of thousands in few rows, and is relayed by one at a time', async () => {
    await inTransaction(database, async (sql) => {
      const changes = createChangeLog(rules);
      const writes = Array.from({ length: 2500 }, (_, index) => ({
        row: leadRow({ id: `l${index}` }),
        version: 0,
        before: undefined,
        cause: CAUSE,
      }));
      await writeRows({ sql, rules, changes }, LEADS, writes);
      await changes.publish(sql);
      await addToOutbox(sql, []);
    });
    const { rows } = await database.query<{ events: number }>('select events from outbox order by id');
    expect(rows.map(({ events }) => events)).toEqual([1000, 1000, 500]);
    let others: OutboxEvent[] | undefined;
    const first = await relayOutbox(
      database,
      async () => {
        others = await relayed();
      },
      never,
    );
    expect(others).toEqual([]);
    expect(first).toBe(2000);
    expect(await relayed()).toHaveLength(500);
  });
});
