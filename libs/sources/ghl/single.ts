import type { ReadContext, SourcePage } from '../kit/ports.ts';
import type { GhlClient } from './client.ts';
import { addAnswer } from './confirm.ts';
import type { FullOptions } from './full.ts';
import { createLookups } from './lookups.ts';
import { noRecords } from './records.ts';

/** Mode single: one contact by its id, with the evidence for it. It answers for no other row, so none is judged by it. */
export async function* readSingle(
  client: GhlClient,
  { evidence, position, signal }: ReadContext,
  options: FullOptions & { contactId: string },
): AsyncGenerator<SourcePage> {
  if (position !== undefined) return;
  const { contactId, locationId, clock } = options;
  const reading = { locationId, evidence, now: () => clock.now() };
  const [answer] = await createLookups(options).all([contactId], (id) => client.getContact(id), signal);
  const into = noRecords();
  into.counts.unknown = addAnswer(into, contactId, answer!, reading) ? 0 : 1;
  yield {
    ...into,
    position: 'read',
    progress: { phase: 'single', recordsTotal: null, lookupsDone: 1, lookupsTotal: 1 },
  };
}
