import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { makeWorld } from '#testcontainers/simulators/ghl/world.ts';

let test: TestPipeline;

beforeAll(async () => {
  test = await startTestPipeline(makeWorld({ seed: 4343, contacts: 300 }));
}, 60_000);

afterAll(async () => {
  await test.stop();
}, 60_000);

describe('a location with every oddity', () => {
  it('is read whole, loses no contact on the way, and a second sync changes nothing', async () => {
    const first = await test.sync();
    expect(first).toMatchObject({ exitCode: 0, stats: { ghl_contacts_fetched: 300, dead_lettered: 0, errors: 0 } });
    expect(first.stats?.['vendors_created']).toBeGreaterThan(50);
    expect(first.stats?.['field_errors']).toBeGreaterThan(0);
    const rows = (): Promise<{ rows: object[] }> =>
      test.pipeline.platform.database.query('select * from vendors where account_id = $1 order by id', [
        test.world.locationId,
      ]);
    const before = (await rows()).rows;
    expect(before).toHaveLength(first.stats?.['vendors_created'] ?? -1);
    const second = await test.sync();
    expect(second).toMatchObject({
      exitCode: 0,
      stats: { vendors_created: 0, vendors_updated: 0, unchanged: before.length, dead_lettered: 0 },
    });
    expect((await rows()).rows).toEqual(before);
  }, 60_000);
});
