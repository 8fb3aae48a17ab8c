/**
 * Fields of events whose text names no person: ids, codes and times. Everything else counts as personal, so that a field somebody adds
 * is hidden until it is named here.
 */
const PLAIN_FIELDS = new Set([
  'account',
  'answersFor',
  'by',
  'code',
  'contactId',
  'entity',
  'ghlContactId',
  'group',
  'id',
  'kind',
  'leadOpportunityIds',
  'mode',
  'phase',
  'reason',
  'requestedBy',
  'scanId',
  'source',
  'status',
  'syncId',
  'topic',
]);

/** A value with the text of personal fields replaced by its length; numbers, flags and structure stay. */
export function maskPersonal(value: unknown, field = ''): unknown {
  if (typeof value === 'string') return PLAIN_FIELDS.has(field) ? value : `[${value.length} characters]`;
  if (Array.isArray(value)) return value.map((item) => maskPersonal(item, field));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, maskPersonal(item, name)]));
}
