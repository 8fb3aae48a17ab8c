import { CONTACT_FIELDS, UNTRACKED_FIELDS, type FieldType } from '#libs/domain/src/salesforce/fields.ts';
import { NASTY, type Value } from './contact-values.ts';
import { fail } from './errors.ts';
import { makeId, numberOf, PREFIXES } from './ids.ts';
import { mix, pick } from './random.ts';
import type { View } from './world.ts';

/** A field as describe shows it. */
export interface ObjectField {
  name: string;
  type: FieldType | 'address';
  length: number;
  nillable: boolean;
  calculated: boolean;
  referenceTo: string[];
  /** Name by which a query follows the reference: `Account.Name`. */
  relationshipName: string | null;
  /** The compound this is a part of. */
  compoundFieldName: string | null;
}

/** An object that can be queried. */
export interface SimulatedObject {
  name: keyof typeof PREFIXES;
  label: string;
  fields: ReadonlyMap<string, ObjectField>;
  /** Records in a view, deleted ones included. */
  size(view: View): number;
  isVisible(view: View, index: number): boolean;
  value(view: View, index: number, field: string): Value;
}

function field(name: string, type: ObjectField['type'], more: Partial<ObjectField> = {}): [string, ObjectField] {
  const made: ObjectField = {
    name,
    type,
    length: type === 'reference' || type === 'id' ? 18 : 0,
    nillable: true,
    calculated: false,
    referenceTo: [],
    relationshipName: null,
    compoundFieldName: null,
    ...more,
  };
  return [name.toLowerCase(), made];
}

const REFERENCES: Record<string, { referenceTo: string[]; relationshipName: string }> = {
  AccountId: { referenceTo: ['Account'], relationshipName: 'Account' },
  OwnerId: { referenceTo: ['User'], relationshipName: 'Owner' },
  CreatedById: { referenceTo: ['User'], relationshipName: 'CreatedBy' },
  LastModifiedById: { referenceTo: ['User'], relationshipName: 'LastModifiedBy' },
  Last_Visited_By_Rep__c: { referenceTo: ['User'], relationshipName: 'Last_Visited_By_Rep__r' },
  MasterRecordId: { referenceTo: ['Contact'], relationshipName: 'MasterRecord' },
};

const CONTACT: SimulatedObject = {
  name: 'Contact',
  label: 'Contact',
  fields: new Map([
    ...CONTACT_FIELDS.map(({ api, type, length, nillable }) =>
      field(api, type, {
        length: length ?? 0,
        nillable,
        calculated: UNTRACKED_FIELDS.includes(api) && api.endsWith('__c'),
        compoundFieldName: api.startsWith('Mailing') && !api.endsWith('__c') ? 'MailingAddress' : null,
        ...REFERENCES[api],
      }),
    ),
    field('IsDeleted', 'boolean', { nillable: false }),
    ...['MasterRecordId', 'AccountId', 'OwnerId', 'CreatedById'].map((name) =>
      field(name, 'reference', REFERENCES[name]),
    ),
    field('Department', 'string', { length: 80 }),
    field('MailingAddress', 'address'),
    field('MN_Address__c', 'address'),
  ]),
  size: ({ contacts }) => contacts,
  isVisible: (view, index) => view.isVisible(index),
  value: (view, index, name) => view.contactValue(index, name),
};

/** One contact in seven has activities: the first contact of each task relation follows from its number. */
const relatedContact = (index: number): number => index * 7;

/** A small object whose values follow from the number of the record. */
function small(
  name: SimulatedObject['name'],
  size: (view: View) => number,
  values: Record<string, [ObjectField['type'], (view: View, index: number) => Value]>,
  references: typeof REFERENCES = {},
): SimulatedObject {
  const all: typeof values = {
    Id: ['id', (_view, index) => makeId(PREFIXES[name], index)],
    ...values,
    IsDeleted: ['boolean', () => false],
    CreatedDate: [
      'datetime',
      ({ origin }, index) => origin.anchor - 86_400_000 - (((mix(origin.seed, index, 801) % 1e9) * 1000) % 1e10),
    ],
    LastModifiedDate: [
      'datetime',
      ({ origin }, index) => origin.anchor - (mix(origin.seed, index, 802) % 86_400) * 1000,
    ],
    SystemModstamp: ['datetime', ({ origin }, index) => origin.anchor - (mix(origin.seed, index, 802) % 86_400) * 1000],
  };
  return {
    name,
    label: name,
    fields: new Map(
      Object.entries(all).map(([key, [type]]) =>
        field(key, type, { nillable: key !== 'Id', length: type === 'string' ? 255 : 18, ...references[key] }),
      ),
    ),
    size,
    isVisible: () => true,
    value: (view, index, key) => all[key]?.[1](view, index) ?? null,
  };
}

const tasks = (view: View): number => Math.ceil(view.contacts / 7);

/** Every object the simulator holds: contacts, and what targeted discovery and relationship fields need. */
export const OBJECTS: readonly SimulatedObject[] = [
  CONTACT,
  small('Account', ({ origin }) => origin.accounts, { Name: ['string', (_view, index) => `Clinic ${index}`] }),
  small('User', ({ origin }) => origin.users, {
    Name: ['string', (_view, index) => `Rep ${index}`],
    Username: ['string', (_view, index) => `rep${index}@example.test`],
  }),
  small('Task', tasks, {
    Subject: ['string', ({ origin }, index) => pick(['Call', 'Visit', 'E-mail'], mix(origin.seed, index, 803))],
    Status: ['string', () => 'Completed'],
  }),
  small(
    'TaskWhoRelation',
    tasks,
    {
      RelationId: ['reference', (_view, index) => makeId(PREFIXES.Contact, relatedContact(index))],
      TaskId: ['reference', (_view, index) => makeId(PREFIXES.Task, index)],
      Type: ['string', () => 'Contact'],
    },
    {
      TaskId: { referenceTo: ['Task'], relationshipName: 'Task' },
      RelationId: { referenceTo: ['Contact'], relationshipName: 'Relation' },
    },
  ),
];

/** Objects and fields as one login user sees them: field-level security, and what administrators add or remove meanwhile. */
export interface Schema {
  object(name: string): SimulatedObject;
  /** The field by its name in any case; 400 INVALID_FIELD when there is none, or it is hidden. */
  field(object: SimulatedObject, name: string): ObjectField;
  fields(object: SimulatedObject): ObjectField[];
  /** Hides a contact field from the login user. */
  hide(name: string): void;
  /** Shows it again. */
  show(name: string): void;
  /** Adds a custom text field to Contact; its values come with changes of contacts. */
  add(name: string, length: number): void;
}

/** The schema as it comes: everything visible. */
export function createSchema(): Schema {
  const hidden = new Set<string>();
  const added = new Map<string, ObjectField>();
  const find = (object: SimulatedObject, name: string): ObjectField | undefined => {
    const key = name.toLowerCase();
    if (object.name !== 'Contact') return object.fields.get(key);
    return hidden.has(key) ? undefined : (object.fields.get(key) ?? added.get(key));
  };
  return {
    object(name) {
      const object = OBJECTS.find((one) => one.name.toLowerCase() === name.toLowerCase());
      if (object === undefined) throw fail(400, 'INVALID_TYPE', `sObject type '${name}' is not supported.`);
      return object;
    },
    field(object, name) {
      const found = find(object, name);
      if (found === undefined)
        throw fail(
          400,
          'INVALID_FIELD',
          `No such column '${name}' on entity '${object.name}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name.`,
        );
      return found;
    },
    fields: (object) =>
      [...object.fields.values(), ...(object.name === 'Contact' ? added.values() : [])].filter(
        ({ name }) => find(object, name) !== undefined,
      ),
    hide: (name) => void hidden.add(name.toLowerCase()),
    show: (name) => void hidden.delete(name.toLowerCase()),
    add(name, length) {
      const [key, made] = field(name, 'string', { length });
      added.set(key, made);
    },
  };
}

/** Index of the record an Id names. */
export function indexOfId(object: SimulatedObject, id: Value): number | undefined {
  return typeof id === 'string' ? numberOf(id, PREFIXES[object.name]) : undefined;
}

/** Indices of contacts with values that break readers. */
export const NASTY_INDICES: readonly number[] = [...NASTY.keys()];
