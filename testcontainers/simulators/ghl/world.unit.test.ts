import { describe, expect, it } from '@jest/globals';
import { CUSTOM_FIELDS } from './fields.ts';
import { ODDITIES, oddityOf } from './oddities.ts';
import { makeWorld, worldRows, type StoredContact, type World } from './world.ts';

const all = (world: World): StoredContact[] => [...world.contacts.values()];
const emails = (world: World): string[] =>
  all(world).flatMap(({ email }) => (email == null ? [] : [email.trim().toLowerCase()]));

describe('a made-up world', () => {
  it('is the same for the same seed, rows and token included, and another for another', () => {
    const [first, second, other] = [7, 7, 8].map((seed) => makeWorld({ seed, contacts: 300 })) as [World, World, World];
    expect(all(second)).toEqual(all(first));
    expect(worldRows(second)).toEqual(worldRows(first));
    expect([second.locationId, second.token]).toEqual([first.locationId, first.token]);
    expect(all(other)).not.toEqual(all(first));
    expect(other.locationId).not.toBe(first.locationId);
  });

  it.each([0, 1, 99, 1_000])('of %i contacts has that many, each with an id of its own', (contacts) => {
    const world = makeWorld({ seed: 1, contacts });
    expect(world.contacts.size).toBe(contacts);
    for (const [id, contact] of world.contacts) expect([id, contact.id.length]).toEqual([contact.id, 20]);
    expect(world.changes).toEqual([]);
  });

  it('has vendors, leads, staff and others in about the shares that were asked for', () => {
    const world = makeWorld({
      seed: 2,
      contacts: 2_000,
      odd: false,
      vendorShare: 0.2,
      leadShare: 0.5,
      staffShare: 0.05,
    });
    const share = (test: (contact: StoredContact) => boolean): number => all(world).filter(test).length / 2_000;
    const isVendor = ({ source, tags }: StoredContact): boolean =>
      /vendor/i.test(source ?? '') || (tags as string[]).includes('new vendor');
    expect(share(isVendor)).toBeCloseTo(0.2, 1);
    expect(share(({ source }) => source === 'Website')).toBeCloseTo(0.5, 1);
    expect(share(({ type }) => type === 'staff')).toBeCloseTo(0.05, 1);
  });
});

describe('every hundred contacts', () => {
  const world = makeWorld({ seed: 3, contacts: 200 });
  const some = (test: (contact: StoredContact) => boolean): boolean => all(world).some(test);

  it('hold each oddity once', () => {
    const names = Array.from({ length: 100 }, (_, index) => oddityOf(index)).filter((name) => name !== undefined);
    expect(names.sort()).toEqual(Object.keys(ODDITIES).sort());
    expect(names.length).toBeGreaterThan(20);
  });

  it.each<[string, (contact: StoredContact) => boolean]>([
    ['a null name', ({ firstName, lastName }) => firstName === null && lastName === null],
    ['tags as a string', ({ tags }) => typeof tags === 'string'],
    ['tags as an object', ({ tags }) => tags !== null && typeof tags === 'object' && !Array.isArray(tags)],
    ['tags as a list of objects', ({ tags }) => Array.isArray(tags) && typeof tags[0] === 'object' && tags[0] !== null],
    ['null tags', ({ tags }) => tags === null],
    ['a NUL', ({ lastName }) => lastName?.includes('\0') === true],
    ['half a character', ({ lastName }) => lastName?.isWellFormed() === false],
    ['an e-mail too long to search for', ({ email }) => (email?.length ?? 0) > 75],
    ['several opportunities', ({ opportunities }) => opportunities.length === 3],
    ['no time of update', ({ dateUpdated }) => dateUpdated === undefined],
  ])('have one with %s', (_what, test) => {
    expect(some(test)).toBe(true);
  });

  it('have two contacts with one e-mail, but for case', () => {
    const doubles = emails(world).filter((email, index, list) => list.indexOf(email) !== index);
    expect(doubles).toEqual(expect.arrayContaining(['twin.0@example.test', 'twin.1@example.test']));
  });

  it('have a value of every data type, and of wrong ones', () => {
    const typeOf = new Map(CUSTOM_FIELDS.map(({ id, dataType }) => [id, dataType]));
    const types = new Set(all(world).flatMap(({ customFields }) => customFields.map(({ id }) => typeOf.get(id))));
    expect(types).toEqual(new Set([...CUSTOM_FIELDS.map(({ dataType }) => dataType), undefined]));
    expect(some(({ customFields }) => customFields.some(({ value }) => value === null))).toBe(true);
    const isOdd = (value: unknown): boolean => value !== null && typeof value === 'object' && 'unexpected' in value;
    expect(some(({ customFields }) => customFields.some(({ value }) => isOdd(value)))).toBe(true);
  });
});
