import { createHash } from 'node:crypto';
import { answer, fail } from './answers.ts';
import { placeOf, type Api } from './api.ts';
import { tagName } from './contact-writes.ts';
import { checkBody, type Dto } from './dto.ts';
import { tagNames } from './shapes.ts';
import type { World } from './world.ts';

const TAG: Dto = { name: { type: 'string', required: true } };

/** The location itself and its tags (ghl section 2.14). */
export function addLocationRoutes(api: Api): void {
  const { app, authorize } = api;
  app.get('/locations/:id', authorize('locations.readonly', ['Location', 'Company']), (request, response) => {
    answer(response, { location: locationOf(placeOf(api, response, request.params['id']).world) });
  });
  addTagRoutes(api);
}

function locationOf(world: World): object {
  return {
    id: world.locationId,
    companyId: world.companyId,
    name: world.name,
    timezone: 'America/New_York',
    country: 'US',
    business: { name: world.name, country: 'US', timezone: 'America/New_York' },
    social: {},
    settings: {
      allowDuplicateContact: world.allowDuplicateContact,
      allowDuplicateOpportunity: false,
      allowFacebookNameMerge: false,
      disableContactTimezone: false,
      contactUniqueIdentifiers: world.uniqueFields,
    },
  };
}

function addTagRoutes(api: Api): void {
  const { app, authorize } = api;
  const mayRead = authorize('locations/tags.readonly');
  const mayWrite = authorize('locations/tags.write');
  const one = '/locations/:id/tags/:tagId';

  app.get('/locations/:id/tags', mayRead, (request, response) => {
    const { world } = placeOf(api, response, request.params['id']);
    answer(response, { tags: allTags(world).map((name) => tagOf(world, name)) });
  });
  app.post('/locations/:id/tags', mayWrite, (request, response) => {
    const { world } = placeOf(api, response, request.params['id']);
    const name = tagName(checkBody(request.body, TAG)['name']);
    if (allTags(world).includes(name)) throw fail(400, 'The tag name is already exist.');
    world.tags.add(name);
    answer(response, { tag: tagOf(world, name) });
  });
  app.get(one, mayRead, (request, response) => {
    const { world } = placeOf(api, response, request.params['id']);
    answer(response, { tag: tagOf(world, nameOf(world, request.params['tagId'])) });
  });
  app.put(one, mayWrite, (request, response) => {
    const { world } = placeOf(api, response, request.params['id']);
    const old = nameOf(world, request.params['tagId']);
    const name = tagName(checkBody(request.body, TAG)['name']);
    replaceTag(world, old, name);
    answer(response, { tag: tagOf(world, name) });
  });
  app.delete(one, mayWrite, (request, response) => {
    const { world } = placeOf(api, response, request.params['id']);
    replaceTag(world, nameOf(world, request.params['tagId']), undefined);
    answer(response, { succeded: true });
  });
}

function allTags(world: World): string[] {
  const used = [...world.contacts.values()].flatMap(({ tags }) => tagNames(tags).map(tagName));
  return [...new Set([...world.tags, ...used])].filter((name) => name !== '').sort();
}

function tagOf(world: World, name: string): { id: string; name: string; locationId: string } {
  const id = createHash('sha256').update(name).digest('base64url').replace(/[-_]/g, '0').slice(0, 20);
  return { id, name, locationId: world.locationId };
}

function nameOf(world: World, id: unknown): string {
  const name = allTags(world).find((known) => tagOf(world, known).id === id);
  if (name === undefined) throw fail(400, `Tag with id ${String(id)} not found`);
  return name;
}

/** Renames a tag on every contact that has it, or takes it away. */
function replaceTag(world: World, old: string, name: string | undefined): void {
  world.tags.delete(old);
  if (name !== undefined) world.tags.add(name);
  for (const { id, tags } of world.contacts.values()) {
    if (!tagNames(tags).some((tag) => tagName(tag) === old)) continue;
    const kept = tagNames(tags).filter((tag) => tagName(tag) !== old);
    world.changeContact(id, { tags: name === undefined ? kept : [...kept, name] });
  }
}
