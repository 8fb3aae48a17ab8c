import type { GhlCustomFields } from '#libs/domain/src/settings.ts';

/** What became of one field that the rules read. */
export interface FieldFinding {
  key: keyof GhlCustomFields;
  /** Name of the field in GoHighLevel. */
  label: string;
  state: 'found' | 'missing' | 'ambiguous' | 'wrong_type';
  /** Ids of the fields of that name: one when it was found. */
  ids: string[];
  /** Types of those fields where none is right. */
  dataTypes: string[];
  /** False for a field that a location may lack. */
  required: boolean;
}

interface Expected {
  key: keyof GhlCustomFields;
  label: string;
  dataTypes: readonly string[];
  required?: false;
}

const TEXT = ['TEXT', 'LARGE_TEXT'];

/** The fields by their names (ghl-sync-v3 section 4.4), in the order in which a mapping lists them. */
const EXPECTED: readonly Expected[] = [
  { key: 'ghlUserId', label: 'GHL User ID', dataTypes: TEXT },
  { key: 'companyName', label: 'Vendor Company Name', dataTypes: TEXT },
  { key: 'serviceCategories', label: 'Service Categories Selections', dataTypes: ['MULTIPLE_OPTIONS'] },
  { key: 'serviceCategories', label: 'Service Categories', dataTypes: TEXT },
  { key: 'servicesOffered', label: 'Services Provided', dataTypes: TEXT },
  { key: 'serviceZipCodes', label: 'Service Zip Codes', dataTypes: TEXT },
  { key: 'takingNewWork', label: 'Taking New Work?', dataTypes: TEXT },
  { key: 'lastLeadAssigned', label: 'Last Lead Assigned', dataTypes: ['DATE'] },
  { key: 'leadClosePercentage', label: 'Lead Close %', dataTypes: ['NUMERICAL'] },
  { key: 'primaryServiceCategory', label: 'Primary Service Category', dataTypes: TEXT },
  { key: 'specificServiceRequested', label: 'Specific Service Needed', dataTypes: TEXT },
  // V3's field reference does not name it, and the postal code of the contact comes first.
  { key: 'leadZip', label: 'Zip Code', dataTypes: TEXT, required: false },
];

interface Field {
  id: string;
  name: string;
  dataType: string;
}

/** Finds the fields that the rules read among those of a location, by name: case, blanks and punctuation do not matter. */
export function findCustomFields(fields: readonly unknown[]): FieldFinding[] {
  const byName = Map.groupBy(fields.filter(isField), ({ name }) => plain(name));
  return EXPECTED.map(({ key, label, dataTypes, required = true }) => {
    const named = byName.get(plain(label)) ?? [];
    const right = named.filter(({ dataType }) => dataTypes.includes(dataType));
    const state =
      right.length === 1 ? 'found' : right.length > 1 ? 'ambiguous' : named.length > 0 ? 'wrong_type' : 'missing';
    const shown = right.length > 0 ? right : named;
    return {
      key,
      label,
      state,
      ids: shown.map(({ id }) => id),
      dataTypes: state === 'wrong_type' ? named.map(({ dataType }) => dataType) : [],
      required,
    };
  });
}

/** The mapping that was found: only fields about which there is no doubt. */
export function mappingOf(findings: readonly FieldFinding[]): Partial<GhlCustomFields> {
  const mapping: { -readonly [K in keyof GhlCustomFields]?: GhlCustomFields[K] } = {};
  for (const { key, state, ids } of findings) {
    if (state !== 'found') continue;
    if (key === 'serviceCategories') mapping[key] = [...(mapping[key] ?? []), ids[0]!];
    else mapping[key] = ids[0]!;
  }
  return mapping;
}

function isField(value: unknown): value is Field {
  const { id, name, dataType } = (value ?? {}) as Partial<Record<keyof Field, unknown>>;
  return [id, name, dataType].every((one) => typeof one === 'string');
}

function plain(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}%]/gu, '');
}
