import type { ReadContext, SourcePage } from '../kit/ports.ts';
import type { GhlClient, Lookup } from './client.ts';
import type { Answer, LookupRunner } from './lookups.ts';
import { addContact, addUnanswered, addUnusable, noRecords, type Reading, type Records } from './records.ts';

/** Where the look-ups by id stand: after which id, in order. */
export interface ConfirmPosition {
  phase: 'confirm';
  afterId: string;
  done: number;
  /** Look-ups in all; null until they are counted. */
  total: number | null;
}

/** Before the first look-up. */
export const CONFIRM_START: ConfirmPosition = { phase: 'confirm', afterId: '', done: 0, total: null };

/** A page of look-ups by id, and those that stayed without an answer: the mode says which of them count as unknown. */
export interface ConfirmPage extends SourcePage {
  position: ConfirmPosition;
  unanswered: string[];
}

/** How many look-ups are read, published and saved together. */
export const LOOKUP_PAGE = 60;

/** Looks up every known id that no page has shown: found, gone, or unknown (rules-ghl section 6). */
export async function* confirm(
  client: GhlClient,
  { known, signal }: ReadContext,
  lookups: LookupRunner,
  reading: Reading,
  start: ConfirmPosition,
): AsyncGenerator<ConfirmPage> {
  const total = start.total ?? (await known.countUnseenIds());
  let { afterId, done } = start;
  for (;;) {
    const ids = await known.unseenIds(LOOKUP_PAGE, afterId);
    if (ids.length === 0) return;
    const answers = await lookups.all(ids, (id) => client.getContact(id), signal);
    const into = noRecords();
    const unanswered = ids.filter((id, index) => !addAnswer(into, id, answers[index]!, reading));
    afterId = ids.at(-1)!;
    done += ids.length;
    yield {
      ...into,
      unanswered,
      position: { phase: 'confirm', afterId, done, total },
      progress: { phase: 'confirm', recordsTotal: null, lookupsDone: done, lookupsTotal: Math.max(total, done) },
    };
  }
}

/** Adds what a look-up told; false when it told nothing of the id. */
export function addAnswer(into: Records, contactId: string, result: Answer<Lookup>, reading: Reading): boolean {
  if ('failed' in result) {
    addUnanswered(into, { contactId }, result.failed, reading.now());
    return false;
  }
  const { answer } = result;
  if (!answer.found) {
    into.records.push({
      type: 'crm.raw.ghl.v1.ContactGone',
      id: contactId,
      value: { contactId, reason: 'not_found', at: reading.now() },
    });
    return true;
  }
  if (answer.contact['id'] === contactId) return addContact(into, answer.contact, 'id', reading);
  // An answer about somebody else says nothing of the one we asked for.
  addUnusable(into, answer.contact, contactId, 'record_invalid', reading.now());
  return false;
}
