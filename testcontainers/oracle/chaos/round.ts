import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { CONSUMER_GROUPS, deadLetterTopic, type ConsumerGroup } from '#libs/contracts/src/topics.ts';
import type { createKafka } from '#libs/kafka/src/client.ts';
import type { Producer } from '#libs/kafka/src/producer.ts';
import { topicOffsets } from '#libs/kafka/src/topics.ts';
import { toAppError } from '#libs/runtime/src/errors.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import { readPositions } from '#libs/storage/src/checkpoints.ts';
import { rowIdOf } from '#libs/storage/src/ids.ts';
import { outboxPending } from '#libs/storage/src/outbox.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { readRun, type RunView } from '#libs/storage/src/reads.ts';
import { isDone } from '#services/cli/src/follow.ts';
import { createRandom } from '#testcontainers/simulators/ghl/random.ts';
import { contactById, contactInSearch } from '#testcontainers/simulators/ghl/shapes.ts';
import type { GhlSimulator } from '#testcontainers/simulators/ghl/simulator.ts';
import { differences, type Difference } from '../differences.ts';
import { foretellBroken, foretellFull, idsOf, type Expected } from '../model.ts';
import { lifecycleDifferences } from '../lifecycle.ts';
import { insertRows, readTables, type Tables } from '../tables.ts';
import { foretellTargeted } from '../targeted.ts';
import type { Fleet } from './fleet.ts';
import { changeWhilePaging, inListOrder, settle, unansweredIn, type Readable } from './location.ts';
import { CAP, isRefusal, PAGE, type Round, type Trouble } from './plan.ts';

/** What rounds run on. */
export interface ChaosStack {
  simulator: GhlSimulator;
  rules: GhlRules;
  database: Database;
  kafka: ReturnType<typeof createKafka>;
  producer: Producer;
  fleet: Fleet;
  /** Lets a trouble happen; resolves when it is over and everything is up again. */
  suffer(trouble: Trouble): Promise<void>;
}

const END_WITHIN_MS = 180_000;
const LOOK_EVERY_MS = 100;

/** A round: the scan under trouble, then the same in peace, each compared with the model; then what must hold of every position and of what was told. */
export async function runRound(stack: ChaosStack, round: Round): Promise<Difference[]> {
  const { simulator, database, fleet } = stack;
  const account = simulator.world.locationId;
  const { unindexed, deletedAs, world } = round;
  settle(simulator, round.contacts, { unindexed, gone: idsOf(world) });
  simulator.knobs.deletedAs = deletedAs;
  await insertRows(database, account, round.world);
  const before = await readTables(database, account);
  const dead = await deadLetters(stack);
  const scans = [randomUUID(), randomUUID()] as const;
  const troubled = await troubledScan(stack, round, scans[0]);
  const found = troubled.length > 0 ? troubled : await calmScan(stack, round, scans[1]);
  await fleet.disarm();
  const rest = await patiently(
    () => loose(stack),
    (left) => left.length === 0,
  );
  const poisons = round.troubles.filter(({ kind }) => kind === 'poison').length;
  const buried = (await deadLetters(stack)) - dead;
  // A crash between dead letter and checkpoint repeats the letter.
  if (poisons === 0 ? buried > 0 : buried < 1) {
    rest.push({ where: 'dead letters', rule: 'I3', expected: poisons, actual: buried });
  }
  if (rest.length === 0)
    rest.push(...(await lifecycleDifferences(database, scans, before, await readTables(database, account))));
  return [...found, ...rest];
}

async function troubledScan(stack: ChaosStack, round: Round, syncId: string): Promise<Difference[]> {
  const { simulator, fleet } = stack;
  const { faults, world, requests } = simulator;
  const readable: Readable = new Map(world.contacts);
  for (const id of round.unanswered) faults.add({ kind: '500', match: `GET /contacts/${id}` });
  for (const email of round.unansweredEmails) faults.add({ kind: '500', match: `query=${email}` });
  for (const fault of round.faults) faults.add(fault);
  const { breaks } = round;
  if (breaks !== undefined) {
    const { kind, pages } = breaks;
    const times = kind === '500' || kind === 'empty' ? {} : { times: 1 };
    // A targeted read begins with its look-ups.
    const match = round.mode === 'targeted' && isRefusal(breaks) ? {} : { match: 'search list' };
    faults.add({ kind, ...match, after: pages, ...times });
  }
  if (round.drifts) changeWhilePaging(simulator, createRandom(round.seed), readable);
  const crashes = round.troubles.filter((trouble) => trouble.kind === 'crash');
  await Promise.all(crashes.map(({ service, point }) => fleet.arm(service, point)));

  const before = await readTables(stack.database, world.locationId);
  await request(stack, syncId, round.mode, round.dryRun);
  const [run] = await Promise.all([
    follow(stack.database, syncId),
    ...round.troubles.filter(({ kind }) => kind !== 'crash').map((trouble) => stack.suffer(trouble)),
  ]);
  const { ids, emails } = unansweredIn(requests);
  const start = startOf(stack, before);
  const contacts = inListOrder(readable.values());
  const listed = breaks === undefined ? Infinity : breaks.pages * PAGE;
  const expected = expect(round, { start, contacts, unindexed: new Set(round.unindexed), listed, ids, emails });
  return compare(stack, { before, expected, run, dryRun: round.dryRun, scan: 1 });
}

async function calmScan(stack: ChaosStack, round: Round, syncId: string): Promise<Difference[]> {
  const { simulator, database } = stack;
  const { world } = simulator;
  simulator.faults.clear();
  simulator.knobs.indexLagMs = 0;
  const before = await readTables(database, world.locationId);
  await request(stack, syncId, round.mode, false);
  const run = await follow(database, syncId);
  const start = startOf(stack, before);
  const none = new Set<string>();
  const contacts = inListOrder(world.contacts.values());
  const calm = { mode: round.mode };
  const expected = expect(calm, { start, contacts, unindexed: none, listed: Infinity, ids: none, emails: none });
  return compare(stack, { before, expected, run, dryRun: false, scan: 2 });
}

interface Met {
  start: ReturnType<typeof startOf>;
  contacts: ReturnType<typeof inListOrder>;
  unindexed: ReadonlySet<string>;
  /** Contacts that the list showed before it broke. */
  listed: number;
  ids: ReadonlySet<string>;
  emails: ReadonlySet<string>;
}

function expect(
  { mode, breaks }: Pick<Round, 'mode' | 'breaks'>,
  { start, contacts, unindexed, listed, ids, emails }: Met,
): Expected {
  const isRefused = breaks !== undefined && isRefusal(breaks);
  if (mode === 'targeted' && !isRefused) {
    return foretellTargeted({
      ...start,
      location: contacts,
      unindexed,
      unanswered: ids,
      unansweredEmails: emails,
      listed: Math.min(listed, CAP),
    });
  }
  const indexed = contacts.filter(({ id }) => !unindexed.has(id));
  const read = indexed.slice(0, listed).map((contact) => contactInSearch(contact));
  if (breaks !== undefined) return foretellBroken(start, read, mode, isRefused);
  const byId = contacts.filter(({ id }) => unindexed.has(id) && !ids.has(id)).map((contact) => contactById(contact));
  return foretellFull({ ...start, contacts: read, byId, unanswered: ids });
}

function startOf({ simulator, rules }: ChaosStack, { vendors, leads }: Tables) {
  const account = simulator.world.locationId;
  return {
    vendors: vendors.map(({ row }) => row),
    leads: leads.map(({ row }) => row),
    rules,
    idOf: (table: 'vendors' | 'leads', contactId: string, turn: number): string =>
      rowIdOf(table === 'vendors' ? 'vendor' : 'lead', account, contactId, turn),
  };
}

async function compare(
  { simulator, database }: ChaosStack,
  {
    scan,
    run,
    ...known
  }: { before: Tables; expected: Expected; run: RunView | undefined; dryRun: boolean; scan: number },
): Promise<Difference[]> {
  if (run === undefined) return [{ scan, where: 'run', rule: 'I3', expected: 'an end', actual: 'none in time' }];
  const after = await readTables(database, simulator.world.locationId);
  return differences({ ...known, after, run }).map((difference) => ({ ...difference, scan }));
}

async function request(
  { producer, simulator }: ChaosStack,
  syncId: string,
  mode: string,
  dryRun: boolean,
): Promise<void> {
  const account = simulator.world.locationId;
  const value = { syncId, source: 'ghl', account, mode, dryRun, requestedBy: 'chaos', requestedAt: Date.now() };
  await producer.send([
    { topic: 'crm.sync-request.v1', key: `ghl:${account}`, type: 'crm.sync.v1.SyncRequested', id: syncId, value },
  ]);
}

/** The run's final word; undefined when there is none in time. */
async function follow(database: Database, syncId: string): Promise<RunView | undefined> {
  const run = await patiently(
    () => readRun(database, syncId),
    (found) => isDone(found),
  ).catch(() => undefined);
  return run !== undefined && isDone(run) ? run : undefined;
}

/** Looks until what it finds will do, or time is up; servers may be down meanwhile. */
async function patiently<T>(look: () => Promise<T>, isEnough: (found: T) => boolean): Promise<T> {
  const deadline = Date.now() + END_WITHIN_MS;
  for (;;) {
    const isLate = Date.now() > deadline;
    try {
      const found = await look();
      if (isEnough(found) || isLate) return found;
    } catch (error) {
      if (isLate) throw toAppError(error);
    }
    await wait(LOOK_EVERY_MS);
  }
}

const PROCESSORS: Record<ConsumerGroup, string> = {
  'connector-ghl': 'connector',
  classifier: 'classifier',
  'projector-ghl': 'ghl',
  'projector-salesforce': 'salesforce',
  'projector-runs': 'runs',
  'projector-operations': 'operations',
  'projector-lifecycle': 'lifecycle',
};

/** What is not at rest: positions short of the end of their topic, events that wait in the outbox. */
async function loose({ database, kafka }: ChaosStack): Promise<Difference[]> {
  const positions = await readPositions(database);
  const ends = await topicOffsets(kafka, [...new Set(Object.values(CONSUMER_GROUPS).flat())]);
  const behind = Object.entries(CONSUMER_GROUPS).flatMap(([group, topics]) =>
    ends
      .filter(({ topic, high }) => (topics as readonly string[]).includes(topic) && high > 0)
      .map(({ topic, partition, high }) => {
        const where = `${PROCESSORS[group as ConsumerGroup]} ${topic} ${partition}`;
        return { where, rule: 'I2', expected: high, actual: positions.get(where) };
      })
      .filter(({ expected, actual }) => expected !== actual),
  );
  const waiting = await outboxPending(database);
  return waiting === 0 ? behind : [...behind, { where: 'outbox', rule: 'I3', expected: 0, actual: waiting }];
}

async function deadLetters({ kafka }: ChaosStack): Promise<number> {
  const topics = Object.entries(CONSUMER_GROUPS).flatMap(([group, names]) =>
    names.map((topic) => deadLetterTopic(topic, group)),
  );
  const offsets = await patiently(
    () => topicOffsets(kafka, topics),
    () => true,
  );
  return offsets.reduce((sum, { high }) => sum + high, 0);
}
