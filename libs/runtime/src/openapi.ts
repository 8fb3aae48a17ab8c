import { z } from 'zod';
import type { ErrorCode } from './errors.ts';
import { statusOf } from './problems.ts';
import type { Route } from './route.ts';

type Json = Record<string, unknown>;

/** What every error answers (RFC 9457). */
export const PROBLEM = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string().describe('stable: one of the error codes in the README'),
  requestId: z.string().describe('also in the header x-request-id, and in the log'),
});

/** The OpenAPI 3.1 document of declared routes: nothing in it is written by hand twice. */
export function openApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const { definition } of routes) {
    const path = definition.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [definition.method]: operation(definition) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Tributary', version: '1', description: 'Requests become events; reads come from the projections.' },
    paths,
    components: {
      schemas: { Problem: schemaOf(PROBLEM, 'output') },
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key (API_KEYS_FILE)' } },
    },
  };
}

function operation(definition: Route['definition']): Json {
  const { method, path, summary, scope, params, query, body, response, statuses = [200], contentType } = definition;
  const content = { [contentType ?? 'application/json']: { schema: schemaOf(response, 'output') } };
  const answers = Object.fromEntries(
    statuses.map((status) => [String(status), { description: 'The answer', content }]),
  );
  return {
    operationId: `${method}${path.replaceAll(/[^a-zA-Z]+(\w)/g, (_match, letter: string) => letter.toUpperCase())}`,
    summary,
    ...(scope === 'open' ? { security: [] } : { security: [{ key: [] }], 'x-scope': scope }),
    parameters: [...parameters(params, 'path'), ...parameters(query, 'query')],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !body.safeParse(undefined).success,
            content: { 'application/json': { schema: schemaOf(body, 'input') } },
          },
        }),
    responses: { ...problemsOf(definition), ...answers },
  };
}

function parameters(schema: z.ZodObject | undefined, where: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as { properties?: Json; required?: string[] };
  return Object.entries(properties).map(([name, part]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: part,
  }));
}

function problemsOf({ scope, body, errors = [] }: Route['definition']): Record<string, Json> {
  const codes: ErrorCode[] = [
    'request_invalid',
    'too_many_requests',
    'internal',
    ...(scope === 'open' ? [] : (['unauthenticated', 'forbidden'] as const)),
    ...(body === undefined ? [] : (['body_too_large', 'media_type_unsupported'] as const)),
    ...errors,
  ];
  const byStatus = Map.groupBy(codes, statusOf);
  return Object.fromEntries(
    [...byStatus].map(([status, some]) => [
      String(status),
      {
        description: some.join(', '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io }) as Json;
  return json;
}
