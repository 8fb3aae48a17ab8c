import { everyType } from './fields.ts';
import { APP } from './oauth-routes.ts';
import type { Caller } from './caller.fixture.ts';
import { createRandom } from './random.ts';
import type { GhlSimulator } from './simulator.ts';

/** Goes through every route of the simulator, in success and in the refusals that the files document. */
export async function everyRoute(simulator: GhlSimulator, call: Caller): Promise<void> {
  const { world } = simulator;
  const [contact] = [...world.contacts.values()];
  await readContacts(simulator, call, contact!.id);
  await writeContacts(simulator, call);
  await locations(world.locationId, call);
  await people(simulator, call);
  await tokens(simulator, call);
}

async function readContacts({ world }: GhlSimulator, call: Caller, id: string): Promise<void> {
  const { locationId } = world;
  for (const contact of [...world.contacts.keys()]) await call('GET', `/contacts/${contact}`);
  await call('GET', '/contacts/', { query: { locationId, limit: '100' } });
  await call('GET', '/contacts/', { query: { locationId, limit: '101' } });
  await call('GET', '/contacts/', { query: { locationId, query: 'a', startAfter: '1900000000000', startAfterId: id } });
  const duplicates = '/contacts/search/duplicate';
  await call('GET', duplicates, { query: { locationId, email: 'nobody@example.test' } });
  await call('GET', duplicates, { query: { locationId, email: String(world.contacts.get(id)?.email) } });
  const search = { locationId, pageLimit: 100 };
  await call('POST', '/contacts/search', { body: search });
  await call('POST', '/contacts/search', { body: { ...search, page: 2, query: 'a' } });
  await call('POST', '/contacts/search', {
    body: { ...search, filters: [{ field: 'contact_name', operator: 'eq', value: 'x' }] },
  });
  await call('POST', '/contacts/search', { body: { locationId } });
  await call('GET', '/contacts/NobodyNobodyNobody00');
  await call('GET', `/contacts/${id}`, { token: 'wrong' });
  await call('GET', `/contacts/${id}`, { version: null });
  await call('GET', '/contacts/', { query: { locationId: 'SomeOtherLocation000' } });
}

async function writeContacts({ world }: GhlSimulator, call: Caller): Promise<void> {
  const { locationId } = world;
  const random = createRandom(9);
  const fields = everyType(random).map(({ id, value }) => ({ id, field_value: value }));
  const whole = {
    locationId,
    firstName: 'Rosan',
    lastName: 'Deo',
    email: 'rosan@deos.test',
    phone: '+1 888-888-8888',
    gender: 'male',
    address1: '3535 1st St N',
    city: 'Dolomite',
    state: 'AL',
    postalCode: '35061',
    country: 'US',
    website: 'https://www.example.test',
    timezone: 'America/Chihuahua',
    companyName: 'DGS VolMAX',
    source: 'public api',
    assignedTo: world.users[0]!.id,
    dateOfBirth: '1990-09-25',
    dnd: true,
    dndSettings: { Email: { status: 'active', message: 'no', code: '' } },
    inboundDndSettings: { all: { status: 'active', message: 'no' } },
    tags: ['VIP'],
    customFields: fields,
  };
  const { body } = await call('POST', '/contacts/', { body: whole });
  const id = (body['contact'] as { id: string }).id;
  await call('GET', `/contacts/${id}`);
  await call('POST', '/contacts/', { body: { locationId, unknown: 1, tags: 'vip' } });
  world.allowDuplicateContact = false;
  await call('POST', '/contacts/', { body: { locationId, email: whole.email } });
  await call('POST', '/contacts/upsert', { body: { ...whole, firstName: 'Rosanna' } });
  await call('POST', '/contacts/upsert', { body: { locationId, email: 'new@example.test' } });
  await call('POST', '/contacts/upsert', { body: { locationId } });
  await call('PUT', `/contacts/${id}`, { body: { firstName: null, tags: ['vip', 'late'] } });
  await call('PUT', `/contacts/${id}`, { body: { gender: 'female' } });
  await call('PUT', '/contacts/NobodyNobodyNobody00', { body: { city: 'Miami' } });
  await call('POST', `/contacts/${id}/tags`, { body: { tags: ['New'] } });
  await call('POST', `/contacts/${id}/tags`, { body: {} });
  await call('DELETE', `/contacts/${id}/tags`, { body: { tags: ['new'] } });
  await call('DELETE', `/contacts/${id}`);
  await call('DELETE', `/contacts/${id}`);
}

async function locations(locationId: string, call: Caller): Promise<void> {
  const base = `/locations/${locationId}`;
  await call('GET', base);
  await call('GET', '/locations/SomeOtherLocation000');
  await call('GET', `${base}/tags`);
  const { body: made } = await call('POST', `${base}/tags`, { body: { name: 'Brand New' } });
  const tag = `${base}/tags/${(made['tag'] as { id: string }).id}`;
  await call('POST', `${base}/tags`, { body: {} });
  await call('GET', tag);
  const { body: renamed } = await call('PUT', tag, { body: { name: 'Renamed' } });
  await call('GET', tag);
  await call('DELETE', `${base}/tags/${(renamed['tag'] as { id: string }).id}`);
  const custom: [string, string, Record<string, unknown>, Record<string, unknown>][] = [
    ['customFields', 'customField', { name: 'Boat', dataType: 'TEXT', model: 'contact' }, { name: 'Yacht' }],
    ['customValues', 'customValue', { name: 'Boat', value: 'yes' }, { name: 'Yacht', value: 'no' }],
  ];
  for (const [route, key, first, second] of custom) {
    const { body } = await call('POST', `${base}/${route}`, { body: first });
    const one = `${base}/${route}/${(body[key] as { id: string }).id}`;
    await call('POST', `${base}/${route}`, { body: {} });
    await call('GET', `${base}/${route}`);
    await call('GET', one);
    await call('PUT', one, { body: second });
    await call('DELETE', one);
    await call('GET', one);
  }
  await call('GET', `${base}/customFields`, { query: { model: 'opportunity' } });
}

async function people({ world }: GhlSimulator, call: Caller): Promise<void> {
  const { locationId, companyId } = world;
  await call('GET', '/users/', { query: { locationId } });
  await call('GET', '/users/search', { query: { companyId, locationId, query: 'user', skip: '0', limit: '2' } });
  await call('GET', '/users/search');
  await call('GET', `/users/${world.users[0]!.id}`);
  await call('GET', '/users/NobodyNobodyNobody00');
  const opportunities = [...world.contacts.values()].flatMap((contact) => contact.opportunities);
  await call('GET', '/opportunities/search', {
    query: { location_id: locationId, limit: '5', page: '2', status: 'all' },
  });
  await call('GET', '/opportunities/search', { query: { location_id: locationId } });
  await call('POST', '/opportunities/search', { body: { locationId, limit: 5 } });
  await call('POST', '/opportunities/search', { body: { locationId } });
  await call('GET', '/opportunities/pipelines', { query: { locationId } });
  await call('GET', `/opportunities/${opportunities[0]!.id}`);
  await call('GET', '/opportunities/NobodyNobodyNobody00');
}

async function tokens({ world, consent }: GhlSimulator, call: Caller): Promise<void> {
  const { locationId, companyId } = world;
  const client = { client_id: APP.clientId, client_secret: APP.clientSecret };
  const code = consent.code(locationId, 'Company');
  const { body: pair } = await call('POST', '/oauth/token', {
    form: { ...client, grant_type: 'authorization_code', code },
  });
  await call('POST', '/oauth/token', { form: { ...client, grant_type: 'authorization_code', code } });
  await call('POST', '/oauth/token', { form: { grant_type: 'magic' } });
  const token = String(pair['access_token']);
  await call('POST', '/oauth/locationToken', { token, form: { companyId, locationId } });
  await call('POST', '/oauth/locationToken', { token, form: { companyId } });
  await call('GET', '/oauth/installedLocations', { token, query: { companyId, appId: APP.appId } });
  await call('GET', '/oauth/installedLocations', { token });
  const refresh_token = String(pair['refresh_token']);
  await call('POST', '/oauth/token', {
    form: { ...client, grant_type: 'refresh_token', refresh_token, user_type: 'Company' },
  });
}
