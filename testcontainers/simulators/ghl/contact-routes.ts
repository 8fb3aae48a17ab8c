import type { Request, Response } from 'express';
import { answer, fail } from './answers.ts';
import { ownPlace, placeOf, type Api } from './api.ts';
import {
  CREATE,
  duplicateOf,
  refuseDuplicate,
  tagName,
  UPDATE,
  UPSERT,
  withoutConflict,
  written,
} from './contact-writes.ts';
import { checkBody, checkQuery, type Dto } from './dto.ts';
import { queryTest } from './search.ts';
import { contactById, contactCreated, contactInList, tagNames } from './shapes.ts';
import type { StoredContact, World } from './world.ts';

const LIST: Dto = {
  locationId: { type: 'string' },
  limit: { type: 'number', min: 1, max: 100 },
  startAfter: { type: 'number' },
  startAfterId: { type: 'string' },
  query: { type: 'string' },
};
interface ListQuery {
  locationId?: string;
  limit?: number;
  startAfter?: number;
  startAfterId?: string;
  query?: string;
}
const DUPLICATE: Dto = { locationId: { type: 'string' }, email: { type: 'string' }, number: { type: 'string' } };
const TAGS: Dto = { tags: { type: 'strings', required: true } };

/** Contacts: search, list, read, write, tags (ghl sections 2.1 to 2.9). */
export function addContactRoutes(api: Api): void {
  addReads(api);
  addWrites(api);
  addTags(api);
}

function addReads(api: Api): void {
  const { app, authorize, faults } = api;
  const mayRead = authorize('contacts.readonly');

  app.post('/contacts/search', mayRead, (request, response) => {
    const { locationId } = request.body as { locationId?: unknown };
    // A body without a location is a fault of the body, a foreign location one of the token.
    const { world, index } = locationId === undefined ? ownPlace(api, response) : placeOf(api, response, locationId);
    answer(response, { ...index.search(request.body) });
    faults.pageAnswered(world.locationId);
  });

  app.get('/contacts/search/duplicate', mayRead, (request, response) => {
    const { locationId, email, number } = checkQuery(request.query, DUPLICATE);
    const { world } = placeOf(api, response, locationId);
    const found = duplicateOf(world, { email, phone: number });
    answer(response, { contact: found === undefined ? null : contactById(found.contact) });
  });

  app.get('/contacts/', mayRead, (request, response) => {
    const {
      locationId,
      limit = 20,
      startAfter,
      startAfterId = '',
      query,
    } = checkQuery(request.query, LIST) as ListQuery;
    const { index } = placeOf(api, response, locationId);
    const asks = queryTest(query);
    const found = index.all('desc').filter(asks);
    const from = startAfter === undefined ? 0 : listStart(found, startAfter, startAfterId);
    const contacts = found.slice(from, from + limit);
    const last = from + contacts.length < found.length ? contacts.at(-1) : undefined;
    answer(response, {
      contacts: contacts.map(contactInList),
      count: found.length,
      meta: { total: found.length, startAfterId: last?.id, startAfter: last?.dateAdded },
    });
  });

  app.get('/contacts/:id', mayRead, (request, response) => {
    const id = String(request.params['id']);
    const { world } = ownPlace(api, response);
    if (api.knobs.deletedAs === '200' && world.deleted.has(id) && !world.contacts.has(id))
      return answer(response, { contact: { id, locationId: world.locationId, deleted: true } });
    answer(response, { contact: contactById(found(api, request, response)) });
  });
}

/** Newest first: what was added before the cursor, or at the same time with a greater id. */
function listStart(found: StoredContact[], startAfter: number, startAfterId: string): number {
  const at = found.findIndex(
    ({ dateAdded, id }) => dateAdded < startAfter || (dateAdded === startAfter && id > startAfterId),
  );
  return at < 0 ? found.length : at;
}

/** The contact of a path. */
function found(api: Api, request: Request, response: Response): StoredContact {
  const { world } = ownPlace(api, response);
  const id = String(request.params['id']);
  const contact = world.contacts.get(id);
  if (contact !== undefined) return contact;
  for (const { world: other } of api.places.values())
    if (other.contacts.has(id)) throw fail(403, 'The token does not have access to this location.');
  throw world.deleted.has(id) && api.knobs.deletedAs === '404'
    ? fail(404, 'Contact not found')
    : fail(400, `Contact with id ${id} not found`);
}

function addWrites(api: Api): void {
  const { app, authorize } = api;
  const mayWrite = authorize('contacts.write');

  app.post('/contacts/', mayWrite, (request, response) => {
    const body = checkBody(request.body, CREATE);
    const { world } = placeOf(api, response, body['locationId']);
    refuseDuplicate(world, body);
    answer(response, { contact: contactCreated(create(world, body)) }, 201);
  });

  app.post('/contacts/upsert', mayWrite, (request, response) => {
    const { email, phone } = (request.body ?? {}) as Record<string, unknown>;
    const body = checkBody(request.body, UPSERT, email == null && phone == null ? ['email or phone is required'] : []);
    const { world } = placeOf(api, response, body['locationId']);
    const isForced = body['createNewIfDuplicateAllowed'] === true && world.allowDuplicateContact;
    const duplicate = isForced ? undefined : duplicateOf(world, body);
    const contact =
      duplicate === undefined
        ? create(world, body)
        : change(world, duplicate.contact, withoutConflict(world, body, duplicate));
    answer(response, { new: duplicate === undefined, succeded: true, contact: contactById(contact) });
  });

  app.put('/contacts/:id', mayWrite, (request, response) => {
    const body = checkBody(request.body, UPDATE);
    const contact = found(api, request, response);
    const { world } = ownPlace(api, response);
    refuseDuplicate(world, body, contact.id);
    answer(response, { succeded: true, contact: contactById(change(world, contact, body)) });
  });

  app.delete('/contacts/:id', mayWrite, (request, response) => {
    ownPlace(api, response).world.deleteContact(found(api, request, response).id);
    answer(response, { succeded: true });
  });
}

function create(world: World, body: Record<string, unknown>): StoredContact {
  const contact = world.addContact({ type: 'lead', country: 'US', ...written(body) });
  contact.createdBy = {
    source: 'INTEGRATION',
    channel: 'OAUTH',
    sourceId: 'simulated',
    timestamp: new Date(contact.dateAdded).toISOString(),
  };
  return contact;
}

function change(world: World, contact: StoredContact, body: Record<string, unknown>): StoredContact {
  const { locationId: _same, ...patch } = written(body, contact);
  return world.changeContact(contact.id, patch);
}

/** Tags that the location did not have are its own from then on. */
function addTags(api: Api): void {
  const { app, authorize } = api;
  const mayWrite = authorize('contacts.write');

  app.post('/contacts/:id/tags', mayWrite, (request, response) => {
    const given = givenTags(request);
    const contact = found(api, request, response);
    const { world } = ownPlace(api, response);
    for (const tag of given) world.tags.add(tag);
    const tags = [...new Set([...tagNames(contact.tags), ...given])];
    world.changeContact(contact.id, { tags });
    answer(response, { tags }, 201);
  });

  app.delete('/contacts/:id/tags', mayWrite, (request, response) => {
    const removed = givenTags(request);
    const contact = found(api, request, response);
    const tags = tagNames(contact.tags).filter((tag) => !removed.includes(tagName(tag)));
    ownPlace(api, response).world.changeContact(contact.id, { tags });
    answer(response, { tags });
  });
}

function givenTags(request: Request): string[] {
  const { tags } = checkBody(request.body, TAGS) as { tags: string[] };
  return tags.map(tagName).filter((tag) => tag !== '');
}
