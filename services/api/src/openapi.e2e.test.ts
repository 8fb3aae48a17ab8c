import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { createApp } from '#libs/runtime/src/http.ts';
import { createLogger } from '#libs/runtime/src/logger.ts';
import { findLetters } from '#libs/storage/src/dead-letters.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { startTestPipeline, type TestPipeline } from '#testcontainers/pipeline.ts';
import { emptyWorld } from '#testcontainers/simulators/ghl/world.ts';
import { apiService } from './component.ts';

interface Operation {
  parameters: { name: string; in: string; required: boolean }[];
  requestBody?: object;
  responses: Record<string, { content: Record<string, { schema: { $ref?: string } }> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: object;
}

let test: TestPipeline;
let document: Document;
const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);

const call = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${test.pipeline.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${test.apiKey}`, ...init.headers },
  });

beforeAll(async () => {
  const world = emptyWorld(31);
  world.addContact({
    firstName: 'Ann',
    lastName: 'Lee',
    email: 'ann@openapi.test',
    source: 'Vendor Application',
    tags: [],
  });
  world.addContact({ firstName: 'Bo', lastName: 'Ray', email: 'bo@openapi.test', tags: ['wants lead'] });
  test = await startTestPipeline(world, { LEAD_DISCOVERY_TAGS: 'wants lead' });
  document = (await (await fetch(`${test.pipeline.url}/openapi.json`)).json()) as Document;
  ajv.addSchema({ $id: 'openapi', components: document.components });
  expect(await test.sync()).toMatchObject({ exitCode: 0, stats: { vendors_created: 1, leads_created: 1 } });
}, 60_000);

afterAll(async () => {
  await test.stop();
}, 60_000);

/** Every method and path that express answers, asked from express itself. */
async function mounted(): Promise<string[]> {
  const { database, kafka, codec, producer } = test.pipeline.platform;
  const platform = { database, kafka, codec, producer };
  const service = await apiService({
    databaseUrl: testStack().databaseUrl,
    platform,
    inactiveStatuses: ['inactive_ghl_deleted'],
    accounts: () => [],
    install: undefined,
  });
  const app = createApp({
    keys: [],
    bodyLimit: 1024,
    rates: { perAddress: 1, perKey: 1 },
    trustedProxies: 0,
    metricsPublic: true,
    logger: createLogger({ name: 'test', level: 'silent' }),
    readiness: async () => [],
    routes: service.routes,
  });
  for (const { stop } of service.components) await stop();
  const { stack } = app.router as unknown as {
    stack: { route?: { path: string; methods: Record<string, boolean> } }[];
  };
  return stack
    .flatMap(({ route }) =>
      route === undefined ? [] : Object.keys(route.methods).map((method) => `${method} ${route.path}`),
    )
    .map((line) => line.replaceAll(/:(\w+)/g, '{$1}'))
    .sort();
}

/** Checks an answer against the schema that the document gives for its status and content type. */
async function check(method: string, path: string, response: Response): Promise<void> {
  const described = document.paths[path]![method]!.responses[String(response.status)];
  const type = (response.headers.get('content-type') ?? '').split(';')[0]!;
  expect({
    method,
    path,
    status: response.status,
    type,
    described: described?.content[type] !== undefined,
  }).toMatchObject({ described: true });
  const { schema } = described!.content[type]!;
  const validate = ajv.compile(schema.$ref === undefined ? schema : { $ref: `openapi${schema.$ref}` });
  const body: unknown = type.endsWith('json') ? await response.json() : await response.text();
  expect({ path, valid: validate(body), errors: validate.errors }).toEqual({ path, valid: true, errors: null });
}

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 and describes exactly what express answers', async () => {
    expect(document.openapi).toBe('3.1.0');
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(described.sort()).toEqual(await mounted());
    expect(described.length).toBeGreaterThanOrEqual(26);
  });

  it('tells the truth of every answer, good and bad', async () => {
    await test.pipeline.platform.producer.sendRaw([
      {
        topic: 'crm.raw.ghl.v1',
        key: Buffer.from(`${test.world.locationId}:contact:X`),
        value: Buffer.from('no avro'),
        headers: { ce_id: randomUUID() },
      },
    ]);
    const { database } = test.pipeline.platform;
    const filter = { account: test.world.locationId, state: 'waiting' };
    let letter: { id: string } | undefined;
    while (letter === undefined) [letter] = (await findLetters(database, filter, { limit: 1, order: 'newest' })).items;
    const syncId = ((await (await call('/v1/syncs')).json()) as { items: { syncId: string }[] }).items[0]!.syncId;
    const idOf = async (table: string): Promise<string> =>
      ((await (await call(`/v1/${table}`)).json()) as { items: { id: string }[] }).items[0]!.id;
    const ids: Record<string, string> = {
      '/v1/syncs': syncId,
      '/v1/dead-letters': letter.id,
      '/v1/vendors/': await idOf('vendors'),
      '/v1/leads/': await idOf('leads'),
    };
    const bodies: Record<string, object> = {
      '/v1/sync-requests': { source: 'ghl', dryRun: true },
      '/v1/dead-letters/redrive': { ids: [letter.id], dryRun: true },
      '/v1/dead-letters/discard': { ids: [letter.id], reason: 'not a contact' },
      '/api/v1/admin/sync-database': {},
      '/api/v1/admin/sync-single-vendor/{contactId}': {},
      '/api/v1/admin/vendors/bulk-action': { action: 'activate', vendor_ids: ['nobody'] },
    };
    const queries: Record<string, string> = { '/api/v1/admin/sync-database/status': `?job_id=${syncId}` };
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { requestBody }] of Object.entries(methods)) {
        const url = path
          .replace('{id}', () =>
            encodeURIComponent(Object.entries(ids).find(([prefix]) => path.startsWith(prefix))![1]),
          )
          .replace('{contactId}', 'NobodyNobodyNobodyNo');
        const query = queries[path] ?? '';
        const json = { 'content-type': 'application/json' };
        const body = requestBody === undefined ? {} : { body: JSON.stringify(bodies[path]), headers: json };
        await check(method, path, await call(`${url}${query}`, { method: method.toUpperCase(), ...body }));
        await check(method, path, await call(`${url}?nonsense=1`, { method: method.toUpperCase(), ...body }));
        if (requestBody === undefined) continue;
        await check(method, path, await call(url, { method: 'POST', headers: json, body: '{"nonsense":1}' }));
        await check(
          method,
          path,
          await call(url, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' }),
        );
        await check(
          method,
          path,
          await fetch(`${test.pipeline.url}${url}`, { method: 'POST', headers: json, body: '{}' }),
        );
      }
    }
    const dry = await test.sync({ dryRun: true });
    const changes = '/v1/syncs/{id}/changes';
    await check('get', changes, await call(changes.replace('{id}', dry.syncId)));
    const lists = await Promise.all(['vendors', 'leads'].map(async (table) => (await call(`/v1/${table}`)).json()));
    const totals = lists.map((list) => (list as { total: number }).total);
    expect(Math.min(...totals)).toBeGreaterThan(0);
  }, 60_000);
});
