import { randomUUID } from 'node:crypto';
import type { ScanApplied } from '#libs/contracts/src/generated/events.ts';
import type { Producer } from '#libs/kafka/src/producer.ts';
import { createScanLog } from '#libs/sources/kit/scan-log.ts';
import type { SourceRecord } from '#libs/sources/kit/ports.ts';
import type { Database } from '#libs/storage/src/pool.ts';
import { MARKER, ORG } from './projection.fixture.ts';

const PAGE = 2_000;
const TOPIC = 'crm.raw.salesforce.v1';

/** Publishes records as a scan of the org does, with its markers, to any topic of as many partitions; returns its id. */
export async function publishScan(
  producer: Producer,
  topic: string,
  records: readonly SourceRecord[],
  { account = ORG, dryRun = false }: { account?: string; dryRun?: boolean } = {},
): Promise<string> {
  const redirected: Producer = {
    ...producer,
    send: async (events) =>
      (await producer.send(events.map((event) => ({ ...event, topic: topic as typeof TOPIC })))).map((place) => ({
        ...place,
      })),
  };
  const scanId = randomUUID();
  const scan = { scanId, source: 'salesforce', account, mode: 'full', dryRun };
  const log = createScanLog(redirected, scan, { topic: TOPIC, entity: 'contact' });
  let last = { numbers: Array<number>(log.partitions).fill(0), offsets: Array<number>(log.partitions).fill(-1) };
  for (let at = 0; at < records.length; at += PAGE) last = await log.records(records.slice(at, at + PAGE), last);
  await log.markers({ ...MARKER, ...scan, totalRecords: records.length, contactsRead: records.length }, last.numbers);
  return scanId;
}

/** The final word on a scan that waits in the outbox; undefined while there is none. */
export async function finalWord(database: Database, scanId: string): Promise<ScanApplied | undefined> {
  const { rows } = await database.query<{ content: string }>('select content from tributary.outbox order by id');
  const applied = rows.flatMap(({ content }) =>
    (JSON.parse(content) as { value: ScanApplied }[]).map(({ value }) => value),
  );
  return applied.find((value) => value.scanId === scanId);
}
