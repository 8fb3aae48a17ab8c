import type { Express, Request } from 'express';
import { fail } from './answers.ts';
import type { Knobs, Place } from './api.ts';
import type { Tokens } from './auth.ts';
import { FAULT_KINDS, type Fault, type Faults } from './faults.ts';
import type { Limits } from './limits.ts';
import type { LoggedRequest } from './simulator.ts';
import type { StoredContact, World } from './world.ts';

/** What happens to the contacts of a location; each part is done, deletions last. */
interface Script {
  add?: Partial<StoredContact>[];
  change?: (Partial<StoredContact> & { id: string })[];
  delete?: string[];
}

/**
 * The control endpoint: what programs do through the simulator object, people do through `/__control`. Loopback only, no token.
 * `?locationId=` picks a location; the first one without it.
 */
export function addControl(
  app: Express,
  parts: {
    places: Map<string, Place>;
    faults: Faults;
    limits: Limits;
    knobs: Knobs;
    tokens: Tokens;
    requests: LoggedRequest[];
  },
): void {
  const { places, faults, limits, knobs, tokens, requests } = parts;
  const worldOf = (request: Request): World => {
    const { locationId: asked } = request.query as { locationId?: string };
    const place = asked === undefined ? places.values().next().value : places.get(asked);
    if (place === undefined) throw fail(404, `the simulator has no location ${asked ?? ''}`);
    return place.world;
  };

  app.get('/__control/locations', (_request, response) => {
    const worlds = [...places.values()].map(({ world }) => world);
    response.json({
      locations: worlds.map(({ locationId, token, contacts }) => ({ locationId, token, contacts: contacts.size })),
    });
  });
  app.post('/__control/faults', (request, response) => {
    const fault = request.body as Fault;
    if (!FAULT_KINDS.includes(fault.kind)) throw fail(400, `kind must be one of ${FAULT_KINDS.join(', ')}`);
    faults.add(fault);
    response.status(204).end();
  });
  app.delete('/__control/faults', (_request, response) => {
    faults.clear();
    response.status(204).end();
  });
  app.post('/__control/limits', (request, response) => {
    response.json(Object.assign(limits, request.body as Partial<Limits>));
  });
  app.post('/__control/knobs', (request, response) => {
    response.json(Object.assign(knobs, request.body as Partial<Knobs>));
  });
  app.post('/__control/tokens/:deed', (request, response) => {
    const { token } = { token: worldOf(request).token, ...(request.body as { token?: string }) };
    const { deed } = request.params;
    if (deed !== 'expire' && deed !== 'revoke') throw fail(400, 'a token can only expire or be revoked');
    tokens[deed](token);
    response.status(204).end();
  });
  addContactControl(app, worldOf, faults);
  app.get('/__control/requests', (_request, response) => {
    response.json({ total: requests.length, requests: requests.slice(-1000) });
  });
  app.delete('/__control/requests', (_request, response) => {
    requests.length = 0;
    response.status(204).end();
  });
}

function addContactControl(app: Express, worldOf: (request: Request) => World, faults: Faults): void {
  /** Adds, changes and deletes once a page of the list was answered. */
  app.post('/__control/after-page/:page', (request, response) => {
    const world = worldOf(request);
    const script = request.body as Script;
    faults.afterPage(Number(request.params.page), () => play(world, script), world.locationId);
    response.status(204).end();
  });
  app.post('/__control/contacts', (request, response) => {
    response.status(201).json(worldOf(request).addContact(request.body as Partial<StoredContact>));
  });
  app.patch('/__control/contacts/:id', (request, response) => {
    response.json(worldOf(request).changeContact(request.params.id, request.body as Partial<StoredContact>));
  });
  app.delete('/__control/contacts/:id', (request, response) => {
    worldOf(request).deleteContact(request.params.id);
    response.status(204).end();
  });
}

function play(world: World, script: Script): void {
  for (const contact of script.add ?? []) world.addContact(contact);
  for (const { id, ...patch } of script.change ?? []) world.changeContact(id, patch);
  for (const id of script.delete ?? []) world.deleteContact(id);
}
