import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { caller, type Caller } from './caller.fixture.ts';
import { startGhlSimulator, type GhlSimulator } from './simulator.ts';
import { emptyWorld, type World } from './world.ts';

let simulator: GhlSimulator;
let world: World;
let call: Caller;

beforeEach(async () => {
  world = emptyWorld(1, false);
  simulator = await startGhlSimulator({ world, limits: { enabled: false } });
  call = caller(simulator);
});

afterEach(async () => {
  await simulator.stop();
});

const create = (body: object): ReturnType<Caller> =>
  call('POST', '/contacts/', { body: { locationId: world.locationId, ...body } });
const upsert = (body: object): ReturnType<Caller> =>
  call('POST', '/contacts/upsert', { body: { locationId: world.locationId, ...body } });

describe('a write', () => {
  it('is kept as the API keeps it: E.164, lower-case tags, values by field, a birth date as an instant', async () => {
    const { status, body } = await create({
      name: 'Ann van Lee',
      phone: '(888) 888-8888',
      tags: [' VIP ', 'vip', 'New'],
      dateOfBirth: '09/25/1990',
      customFields: [{ id: 'FieldFieldFieldField', field_value: ['a', 'b'] }],
    });
    expect([status, body['contact']]).toEqual([
      201,
      expect.objectContaining({
        firstName: 'Ann',
        lastName: 'van Lee',
        phone: '+18888888888',
        tags: ['vip', 'new'],
        dateOfBirth: '1990-09-25T00:00:00.000Z',
        birthMonth: 9,
        birthDay: 25,
        customFields: [{ id: 'FieldFieldFieldField', value: ['a', 'b'] }],
        deleted: false,
        createdBy: expect.objectContaining({ source: 'INTEGRATION' }),
      }),
    ]);
  });

  it('changes what it names, clears what it nulls and replaces all tags', async () => {
    const { id } = world.addContact({
      firstName: 'Ann',
      city: 'Miami',
      tags: ['old', 'older'],
      customFields: [
        { id: 'one', value: 1 },
        { id: 'two', value: 2 },
      ],
    });
    const { body } = await call('PUT', `/contacts/${id}`, {
      body: { city: null, tags: ['New'], customFields: [{ id: 'two', value: 3 }] },
    });
    expect(body).toMatchObject({ succeded: true });
    expect(body['contact']).not.toHaveProperty('city');
    expect(body['contact']).toMatchObject({
      firstName: 'Ann',
      tags: ['new'],
      customFields: [
        { id: 'one', value: 1 },
        { id: 'two', value: 3 },
      ],
    });
  });

  it.each<[string, string, object, string[]]>([
    [
      'POST',
      '/contacts/',
      { gender: 1, dnd: 'yes', tags: 'vip', additionalEmails: [] },
      [
        'property additionalEmails should not exist',
        'dnd must be a boolean value',
        'tags must be an array',
        'locationId must be a string',
        'gender must be a string',
      ],
    ],
    ['POST', '/contacts/', { locationId: 'L', tags: [1] }, ['each value in tags must be a string']],
    [
      'PUT',
      '/contacts/x',
      { locationId: 'L', gender: 'f', companyName: 'C' },
      ['locationId', 'gender', 'companyName'].map((key) => `property ${key} should not exist`),
    ],
    ['POST', '/contacts/upsert', { locationId: 'L', firstName: 'Ann' }, ['email or phone is required']],
    ['POST', '/contacts/x/tags', {}, ['tags must be an array']],
  ])('that is wrong is refused with all its faults: %s %s %j', async (method, path, body, message) => {
    expect(await call(method, path, { body })).toMatchObject({
      status: 422,
      body: { statusCode: 422, message, error: 'Unprocessable Entity' },
    });
    expect(world.contacts.size).toBe(0);
  });
});

describe('duplicates', () => {
  it('are refused with the contact that is there, by e-mail first', async () => {
    const ann = world.addContact({ firstName: 'Ann', email: 'ann@example.test' });
    world.addContact({ firstName: 'Bo', phone: '+18888888888' });
    expect(await create({ email: ' ANN@example.test', phone: '888 888 8888' })).toMatchObject({
      status: 400,
      body: {
        message: 'This location does not allow duplicated contacts.',
        meta: { contactId: ann.id, contactName: 'Ann', matchingField: 'email' },
      },
    });
    expect(await create({ phone: '888-888-8888' })).toMatchObject({
      status: 400,
      body: { meta: { matchingField: 'phone' } },
    });
    expect(await call('PUT', `/contacts/${ann.id}`, { body: { phone: '8888888888' } })).toMatchObject({ status: 400 });
    expect(await call('PUT', `/contacts/${ann.id}`, { body: { email: 'ANN@example.test' } })).toMatchObject({
      status: 200,
    });
  });

  it('are taken where the location allows them', async () => {
    world.allowDuplicateContact = true;
    world.addContact({ email: 'ann@example.test' });
    expect(await create({ email: 'ann@example.test' })).toMatchObject({ status: 201 });
  });

  it('are found by the look-up, or null is the answer', async () => {
    const ann = world.addContact({ email: 'ann@example.test', phone: '+18888888888' });
    const look = async (query: Record<string, string>): Promise<unknown> =>
      (await call('GET', '/contacts/search/duplicate', { query: { locationId: world.locationId, ...query } })).body[
        'contact'
      ];
    expect(await look({ email: 'Ann@example.test' })).toMatchObject({ id: ann.id });
    expect(await look({ number: '+18888888888' })).toMatchObject({ id: ann.id });
    expect(await look({ email: 'nobody@example.test' })).toBeNull();
  });
});

describe('an upsert', () => {
  it('makes a contact, then changes it', async () => {
    expect(await upsert({ email: 'ann@example.test' })).toMatchObject({ status: 200, body: { new: true } });
    expect(await upsert({ email: 'ANN@example.test', city: 'Miami' })).toMatchObject({
      body: { new: false, contact: { city: 'Miami' } },
    });
    expect(world.contacts.size).toBe(1);
  });

  it('that matches two contacts changes the first and drops the other field without a word', async () => {
    const ann = world.addContact({ email: 'ann@example.test', phone: '+10000000001' });
    const bo = world.addContact({ phone: '+18888888888' });
    const { body } = await upsert({ email: 'ann@example.test', phone: '+18888888888', city: 'Miami' });
    expect(body).toMatchObject({ new: false, contact: { id: ann.id, phone: '+10000000001', city: 'Miami' } });
    expect(world.contacts.get(bo.id)).toMatchObject({ phone: '+18888888888' });
    expect(await upsert({ email: 'ann@example.test', phone: '+10000000002' })).toMatchObject({
      body: { contact: { phone: '+10000000002' } },
    });
  });

  it('goes by the fields of the location', async () => {
    world.uniqueFields = ['phone'];
    world.addContact({ email: 'ann@example.test' });
    expect(await upsert({ email: 'ann@example.test' })).toMatchObject({ body: { new: true } });
  });

  it('makes a new contact on demand, only where duplicates are allowed', async () => {
    const twice = { email: 'ann@example.test', createNewIfDuplicateAllowed: true };
    await upsert(twice);
    expect(await upsert(twice)).toMatchObject({ body: { new: false } });
    world.allowDuplicateContact = true;
    expect(await upsert(twice)).toMatchObject({ body: { new: true } });
  });
});

describe('a deleted contact', () => {
  it.each([
    ['400', 400, { message: expect.stringMatching(/^Contact with id \w+ not found$/) }],
    ['404', 404, { message: 'Contact not found' }],
    ['200', 200, { contact: expect.objectContaining({ deleted: true }) }],
  ] as const)('is answered for with %s, as the knob says', async (deletedAs, status, body) => {
    const { id } = world.addContact({});
    simulator.knobs.deletedAs = deletedAs;
    expect(await call('DELETE', `/contacts/${id}`)).toMatchObject({ status: 200, body: { succeded: true } });
    expect(await call('GET', `/contacts/${id}`)).toMatchObject({ status, body });
    expect(await call('GET', '/contacts/NeverNeverNeverNever')).toMatchObject({ status: 400 });
  });
});

describe('tags', () => {
  const tagsOf = async (): Promise<{ id: string; name: string }[]> =>
    (await call('GET', `/locations/${world.locationId}/tags`)).body['tags'] as { id: string; name: string }[];

  it("are added and removed one by one, answered whole, and become the location's own", async () => {
    const { id } = world.addContact({ tags: ['old'] });
    const path = `/contacts/${id}/tags`;
    expect(await call('POST', path, { body: { tags: ['New', 'old'] } })).toMatchObject({
      status: 201,
      body: { tags: ['old', 'new'] },
    });
    expect(await call('DELETE', path, { body: { tags: ['OLD'] } })).toMatchObject({
      status: 200,
      body: { tags: ['new'] },
    });
    expect((await tagsOf()).map(({ name }) => name)).toEqual(['new', 'old']);
  });

  it('of the location can be made, renamed and deleted, on its contacts too', async () => {
    const { id } = world.addContact({ tags: ['vip'] });
    const base = `/locations/${world.locationId}/tags`;
    expect(await call('POST', base, { body: { name: 'VIP' } })).toMatchObject({ status: 400 });
    const [vip] = await tagsOf();
    const { body } = await call('PUT', `${base}/${vip!.id}`, { body: { name: 'Very' } });
    expect(world.contacts.get(id)!.tags).toEqual(['very']);
    await call('DELETE', `${base}/${(body['tag'] as { id: string }).id}`);
    expect([world.contacts.get(id)!.tags, await tagsOf()]).toEqual([[], []]);
  });
});

describe('opportunities', () => {
  it('are paged to the end, each once, by cursor and by page', async () => {
    for (let index = 0; index < 45; index += 1) {
      world.addContact({
        opportunities: [
          {
            id: `o${index}`,
            pipelineId: 'p',
            pipelineStageId: 's',
            status: index % 3 === 0 ? 'won' : 'open',
            monetaryValue: index,
          },
        ],
      });
    }
    const byCursor: string[] = [];
    for (let meta: { nextPage?: number; startAfter?: number; startAfterId?: string } = {}; ;) {
      const cursor =
        meta.nextPage === undefined ? {} : { startAfter: String(meta.startAfter), startAfterId: meta.startAfterId! };
      const { body } = await call('GET', '/opportunities/search', {
        query: { location_id: world.locationId, ...cursor },
      });
      byCursor.push(...(body['opportunities'] as { id: string }[]).map(({ id }) => id));
      meta = body['meta'] as typeof meta;
      if (meta.nextPage === undefined) break;
    }
    expect([byCursor.length, new Set(byCursor).size]).toEqual([45, 45]);
    const { body } = await call('POST', '/opportunities/search', {
      body: {
        locationId: world.locationId,
        limit: 10,
        page: 2,
        filters: [
          { field: 'status', operator: 'eq', value: 'won' },
          { field: 'monetary_value', operator: 'range', value: { gte: 3 } },
        ],
      },
    });
    expect([body['total'], (body['opportunities'] as unknown[]).length]).toEqual([14, 4]);
  });
});
