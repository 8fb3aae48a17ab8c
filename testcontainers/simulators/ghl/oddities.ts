import { everyType, wrongTypes } from './fields.ts';
import { opportunity } from './pipelines.ts';
import type { Random } from './random.ts';
import type { StoredContact } from './world.ts';

/** What makes one contact odd; `turn` counts the hundreds, so that contacts of one hundred can share something. */
type Oddity = (random: Random, turn: number) => Partial<StoredContact>;

/** Text that breaks what is careless: quotes, markup, SQL, templates, right-to-left, combining and astral characters, NUL. */
const NASTY = [
  `O'Brien "The \\ Pipe"; DROP TABLE vendors;--`,
  '<script>alert(1)</script>&amp;',
  '=HYPERLINK("http://example.test")',
  '${name} {{ custom_values.x }} %s',
  'שלום \u202Eabc\u202C',
  'Zoe\u0301 \u{1F468}\u200D\u{1F469}\u200D\u{1F467}',
  'tab\tline\r\nfeed',
  'nul\u0000byte',
  '\uFEFFbom\u00A0blank',
];

/** The odd kinds of contact, by name: one of each is in every hundred of a made-up world. */
export const ODDITIES: Readonly<Record<string, Oddity>> = {
  'a null name': () => ({ firstName: null, lastName: null }),
  'an empty name': () => ({ firstName: '', lastName: '  ' }),
  'only a company': () => ({ firstName: null, lastName: null, email: null, phone: null, companyName: 'Only & Co' }),
  'nothing at all': () => ({
    firstName: null,
    lastName: null,
    email: null,
    phone: null,
    companyName: null,
    source: null,
    address1: null,
  }),
  'nasty text': (random) => ({
    firstName: random.pick(NASTY),
    lastName: random.pick(NASTY),
    companyName: random.pick(NASTY),
    address1: random.pick(NASTY),
  }),
  'a nul byte': () => ({ lastName: 'nul\u0000byte' }),
  'half a character': () => ({ lastName: 'half \uD83D', companyName: '\uDE00 half' }),
  'long text': () => ({ address1: 'long street '.repeat(400) }),
  'an e-mail with blanks and capitals': (_random, turn) => ({ email: `  Odd.Mail.${turn}@EXAMPLE.test ` }),
  'an e-mail that is none': () => ({ email: 'not an e-mail' }),
  'an e-mail too long to search for': (_random, turn) => ({ email: `${'long'.repeat(20)}.${turn}@example.test` }),
  'the first of two with one e-mail': (_random, turn) => ({ email: `twin.${turn}@example.test` }),
  'the second of two with one e-mail': (_random, turn) => ({ email: `Twin.${turn}@example.test` }),
  'tags as a string': () => ({ tags: 'Manually Approved, vip' }),
  'tags as an object': () => ({ tags: { name: 'vip' } }),
  'tags as a list of objects': () => ({ tags: [{ id: 't1', name: 'New Lead' }, { tag: 'vip' }] }),
  'tags with empties and doubles': () => ({ tags: ['', ' ', 'VIP', 'vip', null, 7] }),
  'tags that are null': () => ({ tags: null }),
  'every custom field type': (random) => ({ customFields: everyType(random) }),
  'custom fields of wrong types': (random) => ({ customFields: wrongTypes(random) }),
  'a custom field nobody knows': () => ({ customFields: [{ id: 'NobodyKnowsThisOne00', value: 'x' }] }),
  'never updated': () => ({ dateUpdated: undefined }),
  'several opportunities': (random) => ({
    opportunities: [opportunity(random), opportunity(random), opportunity(random)],
  }),
};

const NAMES = Object.keys(ODDITIES);
const EVERY = 100;

/** Name of what is odd about the contact with this number, if anything is. */
export function oddityOf(index: number): string | undefined {
  return index % EVERY < NAMES.length ? NAMES[index % EVERY] : undefined;
}

/** The odd values of the contact with this number. */
export function oddValues(random: Random, index: number): Partial<StoredContact> {
  const name = oddityOf(index);
  return name === undefined ? {} : ODDITIES[name]!(random, Math.floor(index / EVERY));
}
