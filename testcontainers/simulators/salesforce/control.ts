import type { Express } from 'express';
import type { Value } from './contact-values.ts';
import type { Fault } from './faults.ts';
import type { Knobs, State } from './state.ts';

/** The control endpoint: what programs do through the simulator object, people do through `/__control`. Loopback only, no token. */
export function addControl(app: Express, { world, schema, faults, knobs, counters, requests, sessions }: State): void {
  const done = (work: () => void) => (response: { status(code: number): { end(): unknown } }) => {
    work();
    response.status(204).end();
  };
  app.post('/__control/faults', ({ body }, response) => done(() => faults.add(body as Fault))(response));
  app.delete('/__control/faults', (_request, response) => done(() => faults.clear())(response));
  app.post(
    '/__control/knobs',
    ({ body }, response) => void response.json(Object.assign(knobs, body as Partial<Knobs>)),
  );
  app.get('/__control/counters', (_request, response) => void response.json(counters));
  app.delete('/__control/sessions', (_request, response) => done(() => sessions.clear())(response));
  app.post('/__control/advance', ({ body }, response) =>
    done(() => world.advance((body as { ms: number }).ms))(response),
  );
  app.post(
    '/__control/contacts',
    ({ body }, response) => void response.status(201).json({ id: world.addContact(body as Record<string, Value>) }),
  );
  app.patch('/__control/contacts/:id', ({ body, params }, response) =>
    done(() => world.changeContact(params['id'], body as Record<string, Value>))(response),
  );
  app.delete('/__control/contacts/:id', ({ params }, response) =>
    done(() => world.deleteContact(params['id']))(response),
  );
  app.post('/__control/contacts/:id/undelete', ({ params }, response) =>
    done(() => world.undeleteContact(params['id']))(response),
  );
  app.post('/__control/contacts/:id/hide', ({ params }, response) =>
    done(() => world.hideContact(params['id']))(response),
  );
  app.post('/__control/contacts/:id/merge/:loser', ({ params }, response) =>
    done(() => world.mergeContacts(params['id'], params['loser']))(response),
  );
  app.post('/__control/fields/:name', ({ params }, response) => done(() => schema.add(params['name'], 255))(response));
  app.delete('/__control/fields/:name', ({ params }, response) => done(() => schema.hide(params['name']))(response));
  app.get(
    '/__control/requests',
    (_request, response) => void response.json({ total: requests.length, requests: requests.slice(-1000) }),
  );
  app.delete('/__control/requests', (_request, response) => done(() => void (requests.length = 0))(response));
}
