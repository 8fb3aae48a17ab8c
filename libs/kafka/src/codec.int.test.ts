import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import avro from 'avsc';
import type { EventType } from '#libs/contracts/src/generated/events.ts';
import { SCHEMAS } from '#libs/contracts/src/generated/schemas.ts';
import { testStack } from '#testcontainers/addresses.ts';
import { createCodec, type Codec } from './codec.ts';
import { registerSchemas } from './registry.ts';

const TYPES = Object.keys(SCHEMAS) as EventType[];
const CANCELLED = 'crm.sync.v1.SyncCancelled';
const CONFIRMED = 'crm.sync.v1.SyncConfirmed';
const value = { syncId: 's', source: 'ghl', account: 'L', requestedBy: 'test', requestedAt: 1 };

describe('over the real registry', () => {
  let codec: Codec;
  beforeAll(async () => {
    const { schemaRegistryUrl } = testStack();
    await registerSchemas({ registryUrl: schemaRegistryUrl });
    codec = createCodec({ registryUrl: schemaRegistryUrl });
    await codec.ready(TYPES);
  }, 30_000);

  it.each(TYPES)('%s comes back as it was written', async (type) => {
    const avroType = avro.Type.forSchema(SCHEMAS[type] as unknown as avro.Schema);
    for (let round = 0; round < 20; round += 1) {
      const written: object = avroType.random();
      const read = await codec.decode(codec.encode(type, written));
      expect(read).toEqual({ type, value: avroType.clone(written) as unknown });
    }
  });

  it('a value larger than the scratch buffer comes back whole', async () => {
    const requestedBy = 'x'.repeat(200_000);
    expect(await codec.decode(codec.encode(CANCELLED, { ...value, requestedBy }))).toMatchObject({
      value: { requestedBy },
    });
  });

  it.each([1, 30, 80])(
    'half a character in a text of %d is written as UTF-8 that every language reads',
    async (length) => {
      const requestedBy = `${'x'.repeat(length)}\ud83d!`;
      const bytes = codec.encode(CANCELLED, { ...value, requestedBy });
      expect(bytes.includes(requestedBy.toWellFormed())).toBe(true);
      expect(await codec.decode(bytes)).toMatchObject({ value: { requestedBy: requestedBy.toWellFormed() } });
    },
  );

  it('an encoded value is not changed by the next one', async () => {
    const first = codec.encode(CANCELLED, { ...value, syncId: 'first' });
    codec.encode(CANCELLED, { ...value, syncId: 'other' });
    expect(await codec.decode(first)).toMatchObject({ value: { syncId: 'first' } });
  });

  it('what does not fit its schema names the field and not the value', () => {
    expect(() => codec.encode(CANCELLED, { ...value, requestedAt: 'ann@example.test' })).toThrow(
      expect.objectContaining({
        code: 'record_invalid',
        message: `${CANCELLED} does not fit its schema at requestedAt`,
      }),
    );
  });

  it.each([2_147_483_647, 0, -5])(
    'schema id %i, which the registry does not know, is the fault of the data',
    async (id) => {
      await expect(codec.decode(framed(id))).rejects.toMatchObject({ code: 'schema_unknown', kind: 'data' });
    },
  );

  it.each([
    ['empty', Buffer.alloc(0)],
    ['too short', Buffer.from([0, 0, 0])],
    ['of another magic byte', Buffer.from([1, 0, 0, 0, 1, 2])],
    ['text', Buffer.from('{"json":true}')],
  ])('bytes that are %s are undecodable at once', (_what, bytes) => {
    expect(() => codec.decode(bytes)).toThrow(expect.objectContaining({ code: 'record_undecodable', kind: 'data' }));
  });

  it('garbage behind a good frame is undecodable, whether the schema is known already or not', async () => {
    const good = codec.encode(CANCELLED, value);
    const garbage = Buffer.concat([good.subarray(0, 5), Buffer.from([0xff, 0xff, 0xff])]);
    const fresh = createCodec({ registryUrl: testStack().schemaRegistryUrl });
    await expect(fresh.decode(garbage)).rejects.toMatchObject({ code: 'record_undecodable' });
    expect(() => fresh.decode(garbage)).toThrow(expect.objectContaining({ code: 'record_undecodable' }));
  });
});

describe('over a registry that has bad days', () => {
  let server: Server;
  let registryUrl: string;
  let asked: string[] = [];
  let answer: (response: ServerResponse, path: string, method: string) => void;

  const json = (response: ServerResponse, status: number, body: object): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const schema = (response: ServerResponse, text: unknown): void =>
    json(response, 200, { schema: JSON.stringify(text) });
  const known = (response: ServerResponse): void => schema(response, SCHEMAS[CANCELLED]);

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      answer(response, request.url ?? '', request.method ?? '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    registryUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  beforeEach(() => {
    asked = [];
    answer = known;
  });

  const body = avro.Type.forSchema(SCHEMAS[CANCELLED] as unknown as avro.Schema).toBuffer(value);

  it.each([
    [2, 'resolves'],
    [3, 'rejects'],
  ])('%d conflicts in a row over one subject: registration %s', async (conflicts, outcome) => {
    let left = conflicts;
    answer = (response, path, method) => {
      if (path.startsWith('/config/') && method === 'PUT' && left > 0) {
        left -= 1;
        json(response, 409, { error_code: 409, message: `A rule named 'COMPATIBILITY' already exists.` });
      } else if (path.startsWith('/config/') && method === 'GET')
        json(response, 404, { error_code: 40401, message: '-' });
      else json(response, 200, { id: 1, compatibility: 'FULL_TRANSITIVE' });
    };
    const registered = registerSchemas({ registryUrl });
    if (outcome === 'resolves') expect(await registered).toBe(TYPES.length);
    else await expect(registered).rejects.toMatchObject({ code: 'schema_not_registered' });
    expect(left).toBe(0);
  });

  it.each([
    [2, 'resolves'],
    [3, 'rejects'],
  ])('%d requests in a row without an answer: registration %s', async (hung, outcome) => {
    let left = hung;
    answer = (response, path) => {
      if (!path.startsWith('/config/') || left === 0)
        json(response, 200, { id: 1, compatibilityLevel: 'FULL_TRANSITIVE' });
      else left -= 1;
    };
    const registered = registerSchemas({ registryUrl }, 200);
    if (outcome === 'resolves') expect(await registered).toBe(TYPES.length);
    else await expect(registered).rejects.toMatchObject({ code: 'registry_unavailable' });
    expect(left).toBe(0);
  });

  it('engineering 1.2: a resolver is built once per writer id, not once per record', async () => {
    const built = jest.spyOn(avro.Type.prototype, 'createResolver');
    const codec = createCodec({ registryUrl });
    await codec.decode(framed(1, body));
    const atFirst = built.mock.calls.length;
    expect(atFirst).toBeGreaterThan(0);
    for (let index = 0; index < 1000; index += 1) await codec.decode(framed(1, body));
    expect(built.mock.calls.length).toBe(atFirst);
    await codec.decode(framed(2, body));
    expect(built.mock.calls.length).toBe(2 * atFirst);
    expect(asked).toEqual(['/schemas/ids/1', '/schemas/ids/2']);
    built.mockRestore();
  });

  it('many records of a new schema at once ask once', async () => {
    const codec = createCodec({ registryUrl });
    await Promise.all(Array.from({ length: 50 }, async () => codec.decode(framed(1, body))));
    expect(asked).toHaveLength(1);
  });

  it('an unknown id is asked for once in a while, not for every record', async () => {
    answer = (response) => json(response, 404, { error_code: 40403, message: 'Schema 9 not found.' });
    const codec = createCodec({ registryUrl });
    for (let index = 0; index < 20; index += 1)
      await expect(codec.decode(framed(9))).rejects.toMatchObject({ code: 'schema_unknown' });
    expect(asked).toHaveLength(1);
  });

  it('a registry that lacks our schemas is a matter of configuration, and says what to run', async () => {
    answer = (response) => json(response, 404, { error_code: 40403, message: 'Schema not found' });
    await expect(createCodec({ registryUrl }).ready([CANCELLED])).rejects.toMatchObject({
      code: 'schema_not_registered',
      kind: 'config',
      message: expect.stringContaining('deploy'),
    });
  });

  it.each<[string, typeof answer]>([
    ['500', (response) => json(response, 500, { message: 'down' })],
    ['503 in HTML', (response) => void response.writeHead(503, { 'content-type': 'text/html' }).end('<html>')],
    ['an empty 502', (response) => void response.writeHead(502).end()],
    ['429', (response) => json(response, 429, {})],
    ['400', (response) => json(response, 400, {})],
    ['a connection that breaks', (response) => void response.destroy()],
    ['no answer in time', () => undefined],
  ])('waits for a registry that answers with %s, and works when it is back', async (_what, bad) => {
    const codec = createCodec({ registryUrl, timeoutMs: 200 });
    answer = bad;
    await expect(codec.decode(framed(1, body))).rejects.toMatchObject({
      code: 'registry_unavailable',
      kind: 'transient',
    });
    await expect(codec.ready([CANCELLED])).rejects.toMatchObject({
      code: 'registry_unavailable',
      message: expect.stringContaining('SCHEMA_REGISTRY_URL'),
    });
    answer = known;
    expect(await codec.decode(framed(1, body))).toEqual({ type: CANCELLED, value });
  });

  it.each([401, 403])('%d: a refused password is a matter of the settings, not of a record', async (status) => {
    answer = (response) => json(response, status, {});
    await expect(createCodec({ registryUrl }).decode(framed(1, body))).rejects.toMatchObject({
      code: 'access_refused',
      kind: 'config',
      message: expect.stringContaining('SCHEMA_REGISTRY_PASSWORD'),
    });
  });

  it('waits while nobody listens', async () => {
    const codec = createCodec({ registryUrl: 'http://127.0.0.1:1' });
    await expect(codec.decode(framed(1, body))).rejects.toMatchObject({ code: 'registry_unavailable' });
  });

  it('goes on without the registry once an id is known', async () => {
    const codec = createCodec({ registryUrl });
    await codec.decode(framed(1, body));
    answer = (response) => void response.destroy();
    expect(codec.decode(framed(1, body))).toEqual({ type: CANCELLED, value });
  });

  it.each<[string, unknown]>([
    ['an event of somebody else', { type: 'record', name: 'Other', namespace: 'x', fields: [] }],
    ['no record', 'string'],
    ['no Avro', { type: 'nonsense' }],
    ['our event in a form we cannot read', { ...SCHEMAS[CANCELLED], fields: [{ name: 'syncId', type: 'bytes' }] }],
  ])('a schema that is %s is the fault of the data', async (_what, text) => {
    answer = (response) => schema(response, text);
    const codec = createCodec({ registryUrl });
    await expect(codec.decode(framed(1, body))).rejects.toMatchObject({ code: 'schema_unknown', kind: 'data' });
  });

  it("a writer's schema with an older order of fields is read into ours", async () => {
    const old = { ...SCHEMAS[CONFIRMED], fields: [...SCHEMAS[CONFIRMED].fields].reverse() };
    answer = (response) => schema(response, old);
    const codec = createCodec({ registryUrl });
    const written = avro.Type.forSchema(old).toBuffer(value);
    expect(await codec.decode(framed(1, written))).toEqual({ type: CONFIRMED, value });
  });
});

function framed(id: number, body: Buffer = Buffer.from([1, 2, 3])): Buffer {
  const head = Buffer.alloc(5);
  head.writeInt32BE(id, 1);
  return Buffer.concat([head, body]);
}
