import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunView } from '#libs/storage/src/reads.ts';
import { followRun } from '#services/cli/src/follow.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { emptyWorld } from '#testcontainers/simulators/ghl/world.ts';

const PAGE = 10;
const CONTACTS = 45;

let test: TestPipeline;

beforeAll(async () => {
  test = await startTestPipeline(emptyWorld(Date.now()), { SEARCH_PAGE_LIMIT: String(PAGE), GHL_REQUEST_TIMEOUT: '1' });
  for (let index = 0; index < CONTACTS; index += 1)
    test.world.addContact({ email: `c${index}@control.test`, source: 'Vendor Application' });
}, 60_000);

afterAll(async () => {
  await test.stop();
}, 60_000);

beforeEach(() => {
  test.simulator.requests.length = 0;
});

afterEach(async () => {
  test.simulator.faults.clear();
  await Promise.all(
    asked.splice(0).map(async (syncId) => (await control('cancel', syncId)).status === 202 && ended(syncId)),
  );
});

const call = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${test.pipeline.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${test.apiKey}`, 'content-type': 'application/json', ...init.headers },
  });

/** Syncs of the test under way: none is left open for the next one. */
const asked: string[] = [];

async function ask(more: object = {}): Promise<string> {
  const body = JSON.stringify({ source: 'ghl', account: test.world.locationId, ...more });
  const response = await call('/v1/sync-requests', { method: 'POST', body });
  const { syncId } = (await response.json()) as { syncId: string };
  asked.push(syncId);
  return syncId;
}

const control = (action: string, syncId: string): Promise<Response> =>
  call(`/v1/syncs/${syncId}/${action}`, { method: 'POST' });

const until = (syncId: string, isSo: (run: RunView) => boolean): Promise<RunView> =>
  followRun(test.pipeline.platform.database, syncId, () => undefined, undefined, isSo);

const ended = (syncId: string): Promise<RunView> => followRun(test.pipeline.platform.database, syncId, () => undefined);

/** The third page of the list does not answer at first: until it does, the scan reads and can be told what to do. */
function holdThirdPage(): void {
  test.simulator.faults.add({ kind: 'hang', match: '/contacts/search', after: 2, times: 1 });
}

const untilHeld = (syncId: string): Promise<RunView> =>
  until(syncId, ({ progress }) => (progress?.read ?? 0) >= 2 * PAGE);

async function pausedSync(): Promise<string> {
  holdThirdPage();
  const syncId = await ask();
  await untilHeld(syncId);
  expect((await control('pause', syncId)).status).toBe(202);
  await until(syncId, ({ status }) => status === 'paused');
  return syncId;
}

const listCalls = (): number => test.simulator.requests.filter(({ path }) => path.includes('/contacts/search')).length;

interface Told {
  name: string;
  id: string;
  data: { status: string; progress: Record<string, unknown> | null };
}

/** Reads a stream of server-sent events to its end. */
async function listen(syncId: string, lastEventId?: string): Promise<Told[]> {
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const response = await call(`/v1/syncs/${syncId}/events`, { headers });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const text = await response.text();
  return [...text.matchAll(/^event: (.*)\nid: (.*)\ndata: (.*)\n\n/gm)].map(([, name, id, data]) => ({
    name: name!,
    id: id!,
    data: JSON.parse(data!) as Told['data'],
  }));
}

describe('a running sync', () => {
  it('is paused after the page under way, stays so over a restart, and goes on from its place', async () => {
    const syncId = await pausedSync();
    const again = await control('pause', syncId);
    expect(again.status).toBe(409);
    expect(await again.json()).toMatchObject({ code: 'wrong_state', detail: expect.stringContaining('is paused') });
    const before = listCalls();
    await test.restart();
    const run = (await (await call(`/v1/syncs/${syncId}`)).json()) as RunView;
    expect(run).toMatchObject({
      status: 'paused',
      progress: { phase: 'list', done: 3 * PAGE, total: CONTACTS, read: 3 * PAGE, etaSeconds: null },
    });
    const told = listen(syncId);
    expect((await control('resume', syncId)).status).toBe(202);
    expect(await ended(syncId)).toMatchObject({
      status: 'completed',
      exitCode: 0,
      stats: { ghl_contacts_fetched: CONTACTS },
      progress: { phase: 'done', read: CONTACTS, classified: CONTACTS, applied: CONTACTS },
    });
    // Two pages were left: none was read twice.
    expect(listCalls() - before).toBe(2);
    const names = (await told).map(({ name }) => name);
    expect(names.slice(0, 3)).toEqual(['started', 'progress', 'paused']);
    expect(names.slice(-2)).toEqual(['read', 'applied']);
    expect(names).toContain('resumed');
    expect((await control('resume', syncId)).status).toBe(409);
  }, 30_000);

  it('tells a listener that comes back only what it has not seen', async () => {
    const syncId = await ask({ dryRun: true });
    const all = await listen(syncId);
    expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(['started', 'read', 'applied']));
    expect(all.at(-1)?.data).toMatchObject({ success: true, progress: { read: CONTACTS, applied: CONTACTS } });
    const read = all.find(({ name }) => name === 'read')!;
    expect((await listen(syncId, read.id)).map(({ name }) => name)).toEqual(['applied']);
  }, 30_000);

  it('ends the stream of who listens when the process stops; who comes back with the last id goes on from there', async () => {
    const syncId = await pausedSync();
    const response = await call(`/v1/syncs/${syncId}/events`);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let heard = '';
    while (!heard.includes('event: paused')) heard += (await reader.read()).value ?? '';
    await test.restart();
    for (let rest = await reader.read(); !rest.done; rest = await reader.read()) heard += rest.value;
    expect(heard).not.toContain('event: applied');
    const lastId = [...heard.matchAll(/^id: (.*)$/gm)].at(-1)?.[1];
    const told = listen(syncId, lastId);
    expect((await control('resume', syncId)).status).toBe(202);
    const names = (await told).map(({ name }) => name);
    // What was read before the pause may be applied only now.
    expect(names.filter((name) => name !== 'progress')).toEqual(['resumed', 'read', 'applied']);
  }, 30_000);

  it('is cancelled while it is paused; nothing is marked missing', async () => {
    const syncId = await pausedSync();
    await test.pipeline.platform.database.query(
      `insert into vendors (id, account_id, name, email, status) values ('left-alone', $1, 'Old', 'old@control.test', 'active')`,
      [test.world.locationId],
    );
    expect((await control('cancel', syncId)).status).toBe(202);
    expect(await ended(syncId)).toMatchObject({
      status: 'cancelled',
      success: false,
      exitCode: 3,
      error: { code: 'scan_cancelled' },
      message: expect.stringContaining('nothing was marked missing'),
    });
    const { rows } = await test.pipeline.platform.database.query(`select status from vendors where id = 'left-alone'`);
    expect(rows).toEqual([{ status: 'active' }]);
  }, 30_000);
});

describe('a second request for a location', () => {
  it('queues behind one that reads; a third joins the one that waits and ends with its result', async () => {
    const first = await pausedSync();
    const second = await ask();
    await until(second, ({ status }) => status === 'queued');
    const third = await ask();
    await until(third, ({ status }) => status === 'joined');
    const other = await ask({ dryRun: true });
    expect(await (await call(`/v1/syncs/${third}`)).json()).toMatchObject({ status: 'joined', joinedTo: second });
    expect((await control('pause', second)).status).toBe(409);
    await control('cancel', other);
    expect(await ended(other)).toMatchObject({ status: 'cancelled', exitCode: 3, progress: null });
    await control('resume', first);
    const [one, two, three] = [await ended(first), await ended(second), await ended(third)];
    expect([one.exitCode, two.exitCode]).toEqual([0, 0]);
    expect(three).toMatchObject({ status: 'completed', exitCode: 0, stats: two.stats, message: two.message });
  }, 30_000);

  it('ends with the one it joined when that is cancelled, and can be cancelled alone', async () => {
    const first = await pausedSync();
    const second = await ask();
    const [third, fourth] = [await ask(), await ask()];
    await until(fourth, ({ status }) => status === 'joined');
    await control('cancel', third);
    expect(await ended(third)).toMatchObject({ status: 'cancelled' });
    await control('cancel', second);
    expect(await ended(fourth)).toMatchObject({ status: 'cancelled', exitCode: 3 });
    await control('cancel', first);
    await ended(first);
  }, 30_000);
});
