import { describe, expect, it } from '@jest/globals';
import { evidenceOf } from '../kit/memory.fixture.ts';
import { knownAs, readContact, type ContactFields } from './contact.ts';
import { contactById, contactInSearch } from '#testcontainers/simulators/ghl/shapes.ts';
import { makeWorld } from '#testcontainers/simulators/ghl/world.ts';

const read = (contact: Record<string, unknown>): ContactFields => readContact({ id: 'c1', ...contact })!;
const extraOf = (fields: ContactFields): Record<string, unknown> =>
  JSON.parse(fields.extra ?? '{}') as Record<string, unknown>;

describe('the two shapes of a contact', () => {
  it('give the same fields, for every contact of a made-up location', () => {
    const world = makeWorld({ seed: 7, contacts: 500, vendorShare: 0.3, leadShare: 0.3 });
    for (const contact of world.contacts.values()) {
      const { opportunityIds, extra: _search, ...bySearch } = readContact(contactInSearch(contact, contact.dateAdded))!;
      const { opportunityIds: none, extra: _id, ...byId } = readContact(contactById(contact))!;
      expect(bySearch).toEqual(byId);
      // Only searches list opportunities.
      expect(none).toEqual([]);
      expect(opportunityIds).toEqual(contact.opportunities.map(({ id }) => id));
    }
  });

  it('give the same rest, but for what only one of them has', () => {
    const world = makeWorld({ seed: 8, contacts: 200 });
    for (const contact of world.contacts.values()) {
      const { opportunities: _only, dnd: _filled, ...rest } = extraOf(readContact(contactInSearch(contact, 1))!);
      expect(rest).toEqual(extraOf(readContact(contactById(contact))!));
    }
  });

  it('call the street address or address1', () => {
    expect(read({ address: '1 Main Street' })).toMatchObject({ address1: '1 Main Street', extra: null });
    expect(read({ address1: '1 Main Street' })).toMatchObject({ address1: '1 Main Street', extra: null });
    const both = read({ address1: '1 Main Street', address: '2 Side Street' });
    expect(both.address1).toBe('1 Main Street');
    expect(extraOf(both)).toEqual({ address: '2 Side Street' });
    expect(extraOf(read({ address: { line: 1 } }))).toEqual({ address: { line: 1 } });
  });
});

describe('tags', () => {
  it.each<[string, unknown, string[], boolean]>([
    ['a list of strings', ['New Lead', ' vip '], ['New Lead', ' vip '], false],
    ['an empty list', [], [], false],
    ['nothing', null, [], false],
    ['a comma-separated string', 'New Lead,vip', ['New Lead', 'vip'], true],
    ['objects with a name', [{ id: 't1', name: 'vip' }], ['vip'], true],
    ['objects with a tag', [{ tag: 'vip' }], ['vip'], true],
    ['one object with a name', { name: 'vip' }, ['vip'], true],
    ['a mixed list', ['a', { name: 'b' }, { tag: 'c' }, 4, null, { other: 1 }], ['a', 'b', 'c', '4'], true],
    ['a number', 2024, ['2024'], true],
    ['an object without a name', { vip: true }, [], true],
    ['a boolean', true, [], true],
  ])('as %s', (_what, tags, expected, isKept) => {
    const fields = read({ tags });
    expect(fields.tags).toEqual(expected);
    // What is not the usual shape is kept as it came.
    expect(extraOf(fields)).toEqual(isKept ? { tags } : {});
  });
});

describe('custom fields', () => {
  it.each<[string, unknown, [string, unknown][]]>([
    ['a text', { id: 'f', value: 'x' }, [['f', 'x']]],
    ['fieldValue for value', { id: 'f', fieldValue: 'x' }, [['f', 'x']]],
    ['field_value for value', { id: 'f', field_value: 'x' }, [['f', 'x']]],
    ['a number', { id: 'f', value: 12.5 }, [['f', 12.5]]],
    ['zero', { id: 'f', value: 0 }, [['f', 0]]],
    ['false', { id: 'f', value: false }, [['f', false]]],
    ['a list', { id: 'f', value: ['a', 1, null] }, [['f', ['a', 1, null]]]],
    ['an object', { id: 'f', value: { uuid: { url: 'x' } } }, [['f', { uuid: { url: 'x' } }]]],
    ['an empty text', { id: 'f', value: '' }, [['f', '']]],
    ['null', { id: 'f', value: null }, []],
    ['no value', { id: 'f' }, []],
    ['null beside a fieldValue', { id: 'f', value: null, fieldValue: 'x' }, [['f', 'x']]],
  ])('with %s', (_what, item, expected) => {
    const fields = read({ customFields: [item] });
    expect(fields.customFields.map(({ id, value }) => [id, JSON.parse(value) as unknown])).toEqual(expected);
    expect(fields.extra).toBeNull();
  });

  it.each<[string, unknown, string[]]>([
    ['an id that is a number', { id: 5, value: 'x' }, []],
    ['no id', { value: 'x' }, []],
    ['two values', { id: 'f', value: 'x', fieldValue: 'y' }, ['"x"']],
    ['more keys', { id: 'f', value: 'x', fieldKey: 'contact.f' }, ['"x"']],
    ['null', null, []],
    ['a text', 'x', []],
  ])('lose nothing of an item with %s', (_what, item, values) => {
    const fields = read({ customFields: [item, { id: 'g', value: 1 }] });
    expect(fields.customFields.map(({ value }) => value)).toEqual([...values, '1']);
    expect(extraOf(fields)).toEqual({ customFields: [item] });
  });

  it('that are no list stay as they are', () => {
    const fields = read({ customFields: { f: 'x' } });
    expect(fields.customFields).toEqual([]);
    expect(extraOf(fields)).toEqual({ customFields: { f: 'x' } });
  });

  it('of the older name are read too', () => {
    expect(read({ customField: [{ id: 'f', value: 'x' }] }).customFields).toEqual([{ id: 'f', value: '"x"' }]);
  });
});

describe('other fields', () => {
  it.each<[string, unknown, number | null]>([
    ['an instant', '2024-03-01T10:00:00.123Z', Date.UTC(2024, 2, 1, 10, 0, 0, 123)],
    ['an instant with an offset', '2024-03-01T10:00:00+02:00', Date.UTC(2024, 2, 1, 8)],
    ['no zone, which is UTC on every machine', '2021-07-16 11:00:00', Date.UTC(2021, 6, 16, 11)],
    ['a date', '2024-03-01', Date.UTC(2024, 2, 1)],
    ['milliseconds', 1_709_287_200_000, 1_709_287_200_000],
    ['milliseconds as text', '1709287200000', 1_709_287_200_000],
    ['a day no calendar has', '2024-02-31T00:00:00Z', null],
    ['microseconds', 1_709_287_200_000_000, null],
    ['a year beyond 9999 in UTC', '9999-12-31T23:59:59-05:00', null],
    ['a word', 'yesterday', null],
    ['half a millisecond', 1.5, null],
    ['an object', { at: 1 }, null],
    ['nothing', null, null],
  ])('a time as %s', (_what, dateUpdated, expected) => {
    const fields = read({ dateUpdated });
    expect(fields.dateUpdated).toBe(expected);
    expect(extraOf(fields)).toEqual(expected === null && dateUpdated !== null ? { dateUpdated } : {});
  });

  it('keeps null, empty and missing as one', () => {
    expect(read({ email: null, phone: '', website: '', followers: [], dndSettings: {} })).toEqual(read({}));
  });

  it('takes numbers and booleans as text, and leaves objects where they are lossless', () => {
    const fields = read({ postalCode: 33301, firstName: true, lastName: { odd: 1 }, phone: ['+1'] });
    expect(fields).toMatchObject({ postalCode: '33301', firstName: 'true', lastName: null, phone: null });
    expect(extraOf(fields)).toEqual({ lastName: { odd: 1 }, phone: ['+1'] });
  });

  it('keeps every undeclared key and drops only what repeats others', () => {
    const fields = read({
      locationId: 'L',
      firstName: 'Ann',
      lastName: 'Lee',
      contactName: 'Ann Lee',
      firstNameLowerCase: 'ann',
      lastNameLowerCase: 'lee',
      fullNameLowerCase: 'ann lee',
      emailLowerCase: 'x',
      searchAfter: [1, 'c1'],
      traceId: 't',
      dnd: false,
      website: 'https://example.test',
      createdBy: { source: 'WEB_USER' },
    });
    expect(extraOf(fields)).toEqual({
      dnd: false,
      website: 'https://example.test',
      createdBy: { source: 'WEB_USER' },
    });
    expect(extraOf(read({ contactName: 'The Lees' }))).toEqual({ contactName: 'The Lees' });
  });

  it.each([[{}], [{ id: null }], [{ id: '' }], [{ id: 17 }]])('is no contact without an id: %j', (contact) => {
    expect(readContact(contact)).toBeUndefined();
  });
});

describe('evidence', () => {
  const evidence = evidenceOf({
    vendorIds: ['c1'],
    vendorEmails: ['ann@example.test'],
    leadIds: ['c2'],
    leadEmails: ['bo@example.test'],
    leadOpportunityIds: ['o1', 'o2', '77'],
  });

  it('is by id, by normalised e-mail and by opportunity', () => {
    expect(knownAs(read({ email: ' Ann@Example.TEST ' }), evidence)).toEqual({
      vendorById: true,
      vendorByEmail: true,
      leadById: false,
      leadByEmail: false,
      leadByOpportunity: false,
      leadOpportunityIds: [],
    });
    expect(knownAs(read({ id: 'c2', email: 'bo@example.test' }), evidence)).toMatchObject({
      vendorById: false,
      leadById: true,
      leadByEmail: true,
    });
  });

  it('finds opportunity ids among the opportunities and in any custom field value, each once', () => {
    const fields = read({
      opportunities: [{ id: 'o1' }, { id: 'other' }, null],
      customFields: [
        { id: 'f', value: ' o2 ' },
        { id: 'g', value: ['x', 'o1', 77] },
        { id: 'h', value: { o2: 'o2' } },
      ],
    });
    expect(knownAs(fields, evidence)).toMatchObject({
      leadByOpportunity: true,
      leadOpportunityIds: ['o1', 'o2', '77'],
    });
  });

  it('is nothing for a contact without e-mail', () => {
    expect(knownAs(read({ id: 'c9' }), evidenceOf({ vendorEmails: [''] }))).toMatchObject({ vendorByEmail: false });
  });
});
