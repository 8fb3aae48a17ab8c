import type { Express, Request, RequestHandler } from 'express';
import { fail, refuseUnknown } from './errors.ts';
import type { Faults } from './faults.ts';
import { createSearchIndex } from './search.ts';
import { contactById } from './shapes.ts';
import type { Knobs } from './simulator.ts';
import type { StoredContact, World } from './world.ts';

const CREATE_KEYS = [
  'locationId',
  'firstName',
  'lastName',
  'name',
  'email',
  'phone',
  'gender',
  'address1',
  'city',
  'state',
  'postalCode',
  'country',
  'website',
  'timezone',
  'companyName',
  'source',
  'assignedTo',
  'dateOfBirth',
  'dnd',
  'dndSettings',
  'inboundDndSettings',
  'tags',
  'customFields',
];
const UPDATE_KEYS = CREATE_KEYS.filter((key) => !['locationId', 'gender'].includes(key));

/** Contacts: search, read, write, tags (ghl sections 2.1 to 2.9). */
export function addContactRoutes(
  app: Express,
  authorize: RequestHandler,
  world: World,
  knobs: Knobs,
  faults: Faults,
): void {
  const index = createSearchIndex(world, () => knobs.indexLagMs);
  const find = (request: Request): StoredContact => {
    const id = String(request.params['id']);
    const contact = world.contacts.get(id);
    if (contact === undefined) throw fail(400, `Contact with id ${id} not found`);
    return contact;
  };

  app.post('/contacts/search', authorize, (request, response) => {
    const body = request.body as Record<string, unknown>;
    ownLocation(world, body['locationId'], 422);
    const { contacts, total } = index.search(body);
    response.json({ contacts, total, traceId: 'simulated' });
    faults.pageAnswered();
  });

  app.get('/contacts/search/duplicate', authorize, (request, response) => {
    ownLocation(world, request.query['locationId']);
    const { email: wanted = '', number = '' } = request.query as { email?: string; number?: string };
    const email = wanted.toLowerCase();
    const found = [...world.contacts.values()].find(
      (contact) =>
        (email !== '' && contact.email?.trim().toLowerCase() === email) || (number !== '' && contact.phone === number),
    );
    response.json({ contact: found === undefined ? null : contactById(found), traceId: 'simulated' });
  });

  app.get(
    '/contacts/:id',
    authorize,
    (request, response) => void response.json({ contact: contactById(find(request)), traceId: 'simulated' }),
  );

  app.post('/contacts/', authorize, (request, response) => {
    const body = request.body as Record<string, unknown>;
    refuseUnknown(body, CREATE_KEYS);
    ownLocation(world, body['locationId'], 422);
    const duplicate = world.allowDuplicateContact ? undefined : duplicateOf(world, body);
    if (duplicate !== undefined) {
      throw fail(400, 'This location does not allow duplicated contacts.', {
        meta: { contactId: duplicate.contact.id, matchingField: duplicate.field },
      });
    }
    response.status(201).json({ contact: contactById(world.addContact(written(body))), traceId: 'simulated' });
  });

  app.post('/contacts/upsert', authorize, (request, response) => {
    const { createNewIfDuplicateAllowed, ...body } = request.body as Record<string, unknown>;
    refuseUnknown(body, CREATE_KEYS);
    ownLocation(world, body['locationId'], 422);
    const duplicate =
      createNewIfDuplicateAllowed === true && world.allowDuplicateContact ? undefined : duplicateOf(world, body);
    const contact =
      duplicate === undefined
        ? world.addContact(written(body))
        : world.changeContact(duplicate.contact.id, written(body, duplicate.field));
    response.json({
      new: duplicate === undefined,
      succeded: true,
      contact: contactById(contact),
      traceId: 'simulated',
    });
  });

  app.put('/contacts/:id', authorize, (request, response) => {
    refuseUnknown(request.body as Record<string, unknown>, UPDATE_KEYS);
    const contact = world.changeContact(find(request).id, written(request.body as Record<string, unknown>));
    response.json({ succeded: true, contact: contactById(contact), traceId: 'simulated' });
  });

  app.delete('/contacts/:id', authorize, (request, response) => {
    world.deleteContact(find(request).id);
    response.json({ succeded: true, traceId: 'simulated' });
  });

  app.post('/contacts/:id/tags', authorize, (request, response) => {
    const tags = new Set([...tagsOf(find(request)), ...givenTags(request)]);
    world.changeContact(find(request).id, { tags: [...tags] });
    response.status(201).json({ tags: [...tags], traceId: 'simulated' });
  });

  app.delete('/contacts/:id/tags', authorize, (request, response) => {
    const removed = givenTags(request);
    const tags = tagsOf(find(request)).filter((tag) => !removed.includes(tag));
    world.changeContact(find(request).id, { tags });
    response.json({ tags, traceId: 'simulated' });
  });
}

/** 403 when the token is of another location. */
export function ownLocation(world: World, locationId: unknown, missing = 403): void {
  if (locationId === undefined && missing === 422) throw fail(422, ['locationId must be a string']);
  if (locationId !== world.locationId) throw fail(403, 'The token does not have access to this location.');
}

function tagsOf(contact: StoredContact): string[] {
  return Array.isArray(contact.tags) ? contact.tags.filter((tag): tag is string => typeof tag === 'string') : [];
}

function givenTags(request: Request): string[] {
  const { tags } = request.body as { tags?: unknown };
  if (!Array.isArray(tags)) throw fail(422, ['tags must be an array']);
  return tags.map((tag) => String(tag).trim().toLowerCase());
}

function duplicateOf(
  world: World,
  body: Record<string, unknown>,
): { contact: StoredContact; field: 'email' | 'phone' } | undefined {
  for (const field of ['email', 'phone'] as const) {
    const value = body[field];
    if (typeof value !== 'string' || value === '') continue;
    const contact = [...world.contacts.values()].find(
      (known) => known[field]?.trim().toLowerCase() === value.trim().toLowerCase(),
    );
    if (contact !== undefined) return { contact, field };
  }
  return undefined;
}

/** The keys of a write as they are stored: tags in lower case, phones in E.164, `field_value` as `value`. */
function written(body: Record<string, unknown>, matched?: 'email' | 'phone'): Partial<StoredContact> {
  const { tags, customFields, phone, name: _name, ...rest } = body;
  const other = matched === 'email' ? 'phone' : matched === 'phone' ? 'email' : undefined;
  const stored: Record<string, unknown> = { ...rest };
  if (typeof phone === 'string') stored['phone'] = `+${phone.replace(/\D/g, '')}`;
  // An upsert that matched one field drops the other without a word (issue 37 of the API's documentation).
  if (other !== undefined) delete stored[other];
  if (Array.isArray(tags)) stored['tags'] = tags.map((tag) => String(tag).trim().toLowerCase());
  if (Array.isArray(customFields)) {
    stored['customFields'] = (customFields as { id: string; value?: unknown; field_value?: unknown }[]).map(
      ({ id, value, field_value }) => ({ id, value: field_value ?? value }),
    );
  }
  return stored;
}
