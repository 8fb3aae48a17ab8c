import type { ConsumedEvent } from '#libs/kafka/src/processor.ts';

/** Splits events where the scan, the account or the kind (data or marker) changes. */
export function runsOf(events: readonly ConsumedEvent[]): ConsumedEvent[][] {
  const runs: ConsumedEvent[][] = [];
  let last: string | undefined;
  for (const event of events) {
    const isMarker = event.type === 'crm.scan.v1.ScanMarker';
    const kind = isMarker
      ? `marker ${event.offset}`
      : `${event.scanId ?? ''} ${(event.value as { account: string }).account}`;
    if (kind === last) runs.at(-1)!.push(event);
    else runs.push([event]);
    last = kind;
  }
  return runs;
}
