import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createTestDatabase, type TestDatabase } from '#testcontainers/database.ts';
import { contactEvent, deletedEvent, openProjection } from './projection.fixture.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
}, 30_000);

afterAll(() => database.drop());

const BEGIN = Date.UTC(2026, 0, 1);
const [CONTACTS, PARTITIONS] = [4, 3];
const idOf = (index: number): string => `00300000000000${index}AAA`;

type Step = 'edit' | 'formula' | 'delete' | 'again';

/** What an org tells of one contact: each step a new SystemModstamp or a formula that moves none, never two at one time. */
function eventsOf(contact: number, steps: readonly Step[]): object[] {
  const salesforceId = idOf(contact);
  const events: object[] = [];
  let [modstamp, visits, text, ended] = [BEGIN, 0, 'F0', false];
  const read = (readAt: number): void => {
    const SystemModstamp = new Date(modstamp).toISOString();
    const cells = { Id: salesforceId, FirstName: text, Days_Since_Last_Visit__c: String(visits), SystemModstamp };
    events.push(contactEvent(cells, { readAt }));
  };
  read(1_000);
  steps.forEach((step, index) => {
    const readAt = 2_000 + index;
    if (step !== 'again' && step !== 'formula') modstamp += 1_000;
    if (step === 'delete' && !ended) {
      ended = true;
      events.push(deletedEvent({ salesforceId, readAt, sfSystemModstamp: modstamp }));
      return;
    }
    if (ended && step !== 'edit' && step !== 'delete') modstamp += 1_000;
    if (step === 'edit') text = `F${index + 1}`;
    if (step === 'formula') visits += 1;
    ended = false;
    read(readAt);
  });
  return events;
}

const steps = fc.array(fc.constantFrom<Step>('edit', 'formula', 'delete', 'again'), { maxLength: 5 });
const histories = fc
  .array(steps, { minLength: CONTACTS, maxLength: CONTACTS })
  .map((lists) => lists.flatMap((list, contact) => eventsOf(contact, list)));

/** Events in batches, each for a partition. */
interface Schedule {
  events: object[];
  sizes: number[];
  partitions: number[];
}

const schedules = histories.chain((events) =>
  fc.record({
    events: fc.constant(events),
    other: fc.record<Schedule>({
      events: fc.shuffledSubarray(events, { minLength: events.length }),
      sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 4, maxLength: 4 }),
      partitions: fc.array(fc.nat(PARTITIONS - 1), { minLength: 3, maxLength: 3 }),
    }),
  }),
);

/** The table that a schedule makes, without what says when a row was written rather than what it is. */
async function tableOf({ events, sizes, partitions }: Schedule): Promise<unknown[]> {
  await database.pool.query('truncate sf_contacts, tributary.sf_deletions, tributary.checkpoints');
  const projection = await openProjection(database, PARTITIONS);
  let batch = 0;
  for (let at = 0; at < events.length; batch += 1) {
    const size = sizes[batch % sizes.length]!;
    await projection.apply(events.slice(at, at + size), partitions[batch % partitions.length]);
    at += size;
  }
  const { rows } = await database.pool.query<{ row: Record<string, unknown> }>(
    'select to_jsonb(t) as row from sf_contacts t order by salesforce_id',
  );
  const written = ['row_version', 'created_at', 'last_synced_at', 'deletion_read_at'];
  return rows.map(({ row }) => Object.fromEntries(Object.entries(row).filter(([column]) => !written.includes(column))));
}

it('any order, partition and batching of what an org told gives one table', async () => {
  await fc.assert(
    fc.asyncProperty(schedules, async ({ events, other }) => {
      const inOrder = await tableOf({ events, sizes: [events.length], partitions: [0] });
      expect(inOrder).toHaveLength(CONTACTS);
      expect(await tableOf(other)).toEqual(inOrder);
    }),
    { numRuns: 25 },
  );
}, 60_000);

it('any batching of one order gives one table to the last column', async () => {
  const whole = async (schedule: Schedule): Promise<unknown[]> => {
    await tableOf(schedule);
    return (await database.pool.query<object>('select * from sf_contacts order by salesforce_id')).rows;
  };
  await fc.assert(
    fc.asyncProperty(schedules, async ({ events, other: { sizes } }) => {
      const inOrder = await whole({ events, sizes: [1], partitions: [0] });
      const shown = (rows: unknown[]): unknown[] => rows.map((row) => ({ ...(row as object), row_version: undefined }));
      expect(shown(await whole({ events, sizes, partitions: [0] }))).toEqual(shown(inOrder));
    }),
    { numRuns: 15 },
  );
}, 60_000);
