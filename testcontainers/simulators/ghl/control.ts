import type { Express } from 'express';
import type { Fault, Faults } from './faults.ts';
import type { Limits } from './limits.ts';
import type { Knobs, LoggedRequest } from './simulator.ts';
import type { StoredContact, World } from './world.ts';

/** The control endpoint: what programs do through the simulator object, people do through `/__control`. Loopback only, no token. */
export function addControl(
  app: Express,
  parts: { world: World; faults: Faults; limits: Limits; knobs: Knobs; requests: LoggedRequest[] },
): void {
  const { world, faults, limits, knobs, requests } = parts;
  app.post('/__control/faults', (request, response) => {
    faults.add(request.body as Fault);
    response.status(204).end();
  });
  app.delete('/__control/faults', (_request, response) => {
    faults.clear();
    response.status(204).end();
  });
  app.post(
    '/__control/limits',
    (request, response) => void response.json(Object.assign(limits, request.body as Partial<Limits>)),
  );
  app.post(
    '/__control/knobs',
    (request, response) => void response.json(Object.assign(knobs, request.body as Partial<Knobs>)),
  );
  app.post(
    '/__control/contacts',
    (request, response) => void response.status(201).json(world.addContact(request.body as Partial<StoredContact>)),
  );
  app.patch(
    '/__control/contacts/:id',
    (request, response) =>
      void response.json(world.changeContact(request.params['id'], request.body as Partial<StoredContact>)),
  );
  app.delete('/__control/contacts/:id', (request, response) => {
    world.deleteContact(request.params['id']);
    response.status(204).end();
  });
  app.get(
    '/__control/requests',
    (_request, response) => void response.json({ total: requests.length, requests: requests.slice(-1000) }),
  );
  app.delete('/__control/requests', (_request, response) => {
    requests.length = 0;
    response.status(204).end();
  });
}
