import type { CustomField } from './fields.ts';
import { EQUAL, RANGE, TEXT, type SearchField } from './filters.ts';
import { fullName, tagNames } from './shapes.ts';
import type { StoredContact, World } from './world.ts';

type Field = SearchField<StoredContact>;

/** A key that is stored under its own name, or never set by this simulator. */
const stored =
  (name: string): Field['value'] =>
  (contact) =>
    (contact as unknown as Record<string, unknown>)[name];
const named = (operators: readonly string[], names: string): [string, Field][] =>
  names.split(' ').map((name) => [name, { operators, value: stored(name) }]);

/** The fields of POST /contacts/search and their operators (ghl section 2.2). */
const FIELDS = new Map<string, Field>([
  ...named(['eq', 'not_eq'], 'id'),
  ...named(
    EQUAL,
    'email website country assignedTo timezone type dnd validEmail isValidWhatsapp followers activeWorkflows finishedWorkflows',
  ),
  ...named(TEXT, 'phone city state postalCode businessName companyName source'),
  ...named(RANGE, 'dateAdded dateUpdated dateOfBirth lastAppointment lastEmailClickedDate lastEmailOpenedDate'),
  ['contactName', { operators: EQUAL, value: fullName }],
  ['firstNameLowerCase', { operators: TEXT, value: ({ firstName }) => firstName?.toLowerCase() }],
  ['lastNameLowerCase', { operators: TEXT, value: ({ lastName }) => lastName?.toLowerCase() }],
  ['address', { operators: TEXT, value: ({ address1 }) => address1 }],
  ['tags', { operators: TEXT, value: ({ tags }) => tagNames(tags) }],
  ['opportunities', { operators: ['nested'], value: ({ opportunities }) => opportunities }],
  [
    'inboundDndSettings.all.status',
    { operators: EQUAL, value: ({ inboundDndSettings }) => status(inboundDndSettings, 'all') },
  ],
  ...['Email', 'SMS', 'Call'].map((channel): [string, Field] => [
    `dndSettings.${channel}.status`,
    { operators: EQUAL, value: ({ dndSettings }) => status(dndSettings, channel) },
  ]),
]);

function status(settings: unknown, channel: string): unknown {
  return (settings as Record<string, { status?: unknown } | undefined> | undefined)?.[channel]?.status;
}

const BY_TYPE: Record<string, readonly string[]> = {
  CHECKBOX: EQUAL,
  MULTIPLE_OPTIONS: EQUAL,
  NUMERICAL: [...EQUAL, 'range'],
  MONETORY: [...EQUAL, 'range'],
  DATE: RANGE,
};

/** A field by its name in a filter: one of the table, or `customFields.<id>`. Names of custom fields are not known (issue 42). */
export function contactField(world: World, name: string): Field | undefined {
  if (!name.startsWith('customFields.')) return FIELDS.get(name);
  const [, id = '', option] = name.split('.');
  const field: CustomField | undefined = world.customFields.get(id);
  if (field === undefined) return undefined;
  return {
    operators: BY_TYPE[field.dataType] ?? TEXT,
    value({ customFields }) {
      const value = customFields.find((item) => item.id === id)?.value;
      return option === undefined ? value : (value as Record<string, unknown> | null | undefined)?.[option];
    },
  };
}

const SORTS: Record<string, (contact: StoredContact) => string | number> = {
  firstNameLowerCase: ({ firstName }) => firstName?.toLowerCase() ?? '',
  lastNameLowerCase: ({ lastName }) => lastName?.toLowerCase() ?? '',
  businessName: () => '',
  dateAdded: ({ dateAdded }) => dateAdded,
  dateUpdated: ({ dateUpdated }) => dateUpdated ?? 0,
  email: ({ email }) => email?.toLowerCase() ?? '',
  dnd: ({ dnd }) => (dnd === true ? 1 : 0),
  source: ({ source }) => source?.toLowerCase() ?? '',
};

/** What a contact is sorted by; undefined for a field that cannot be sorted by. */
export function sortKey(field: string): ((contact: StoredContact) => string | number) | undefined {
  return SORTS[field];
}
