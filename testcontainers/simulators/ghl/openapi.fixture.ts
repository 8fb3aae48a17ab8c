import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { SEARCH_BODY, SEARCH_RESULT } from './openapi-search.fixture.ts';
import type { LoggedRequest } from './simulator.ts';

/** The official files lie beside the repository: they are no part of it. */
const OPENAPI_FOLDER = join(import.meta.dirname, '../../../../shared/openapi/ghl');

/** Whether the official files are here. */
export const hasOpenapi = existsSync(join(OPENAPI_FOLDER, 'contacts.json'));

const FILES = ['contacts', 'locations', 'users', 'opportunities', 'oauth'];

type Schema = Record<string, unknown>;

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: Schema;
}

interface Content {
  content?: Record<string, { schema: Schema }>;
}

/** An operation of the files, its references resolved and its objects closed: a key they do not name is a difference. */
export interface Operation {
  /** `GET /contacts/{contactId}` */
  name: string;
  scopes: string[];
  parameters: Parameter[];
  requestBody?: Content | undefined;
  responses: Record<string, Content>;
}

/** A difference between the files and what was sent or answered. */
export interface Difference {
  operation: string;
  side: 'request' | 'answer';
  /** Status of the answer. */
  status: number;
  /** Where; any place in a list is a star. */
  at: string;
  fault: string;
}

/** One request and what it was answered. */
export interface Exchange {
  request: Pick<LoggedRequest, 'method' | 'path' | 'query' | 'headers' | 'body'>;
  status: number;
  answer: unknown;
}

const read = (file: string): Schema => JSON.parse(readFileSync(join(OPENAPI_FOLDER, file), 'utf8')) as Schema;

/** Every operation of the files that concern us. */
export function readOperations(): Operation[] {
  const common = read('common-schemas.json');
  return FILES.flatMap((file) => {
    const document = read(`${file}.json`);
    const paths = document['paths'] as Record<string, Record<string, Schema>>;
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => {
        const closed = close(operation, (ref) => lookUp(ref.startsWith('#') ? document : common, ref)) as Operation & {
          security?: Record<string, string[]>[];
        };
        const scopes = (closed.security ?? []).flatMap((one) => Object.values(one).flat());
        const name = `${method.toUpperCase()} ${path}`;
        return withSearchSchemas({
          ...closed,
          parameters: closed.parameters ?? [],
          name,
          scopes: [...new Set(scopes)],
        });
      }),
    );
  });
}

function lookUp(document: Schema, ref: string): unknown {
  const [, pointer = ''] = ref.split('#/');
  return pointer.split('/').reduce<unknown>((at, key) => (at as Schema | undefined)?.[key], document);
}

function close(node: unknown, resolve: (ref: string) => unknown): unknown {
  if (Array.isArray(node)) return node.map((item) => close(item, resolve));
  if (node === null || typeof node !== 'object') return node;
  const { $ref, example: _example, ...rest } = node as Schema;
  if (typeof $ref === 'string') return close(resolve($ref), resolve);
  const closed = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, close(value, resolve)]));
  const isObject = closed['type'] === 'object' && closed['properties'] !== undefined;
  return isObject ? { ...closed, additionalProperties: false } : closed;
}

/** POST /contacts/search is empty in the files and has no answer there; GET /contacts/search/duplicate has no answer either. */
function withSearchSchemas(operation: Operation): Operation {
  const json = (schema: Schema): Content => ({ content: { 'application/json': { schema } } });
  if (operation.name === 'POST /contacts/search') {
    const responses = { ...operation.responses, '200': json(SEARCH_RESULT) };
    return { ...operation, requestBody: json(SEARCH_BODY), responses };
  }
  if (operation.name === 'GET /contacts/search/duplicate') {
    const contact = { type: 'object', nullable: true };
    const result = { type: 'object', properties: { contact }, required: ['contact'], additionalProperties: false };
    return { ...operation, responses: { ...operation.responses, '200': json(result) } };
  }
  return operation;
}

const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
const coercing = new Ajv({ strict: false, allErrors: true, coerceTypes: true });
const compiled = new Map<Schema, ValidateFunction>();

function faultsOf(validator: Ajv, schema: Schema, value: unknown): { at: string; fault: string }[] {
  const validate = compiled.get(schema) ?? validator.compile(schema);
  compiled.set(schema, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map((error: ErrorObject) => ({
    at: error.instancePath.replace(/\/\d+(?=\/|$)/g, '/*') || '/',
    fault:
      error.keyword === 'additionalProperties'
        ? `unknown key ${(error.params as { additionalProperty: string }).additionalProperty}`
        : (error.message ?? error.keyword),
  }));
}

/** The operation of a request; the more literal path wins, as in the router of the API. */
export function operationOf(operations: Operation[], { method, path }: Exchange['request']): Operation | undefined {
  const slashless = (text: string): string => text.replace(/\/$/, '');
  return operations
    .filter(({ name }) => {
      const [verb, template = ''] = name.split(' ');
      const pattern = slashless(template).replace(/\{\w+\}/g, '[^/]+');
      return verb === method && new RegExp(`^${pattern}$`).test(slashless(path));
    })
    .sort((a, b) => a.name.split('{').length - b.name.split('{').length)[0];
}

/** Everything in which a request differs from the files. */
export function requestDifferences(operation: Operation, { request, status }: Exchange): Difference[] {
  const faults = (['header', 'query'] as const).flatMap((place) => {
    const given: Schema = place === 'header' ? request.headers : request.query;
    const parameters = operation.parameters.filter((parameter) => parameter.in === place);
    const isUnknown = (key: string): boolean => !parameters.some(({ name }) => name === key);
    const unknown = place === 'query' ? Object.keys(given).filter(isUnknown) : [];
    return [
      ...unknown.map((key) => ({ at: `?${key}`, fault: 'unknown parameter' })),
      ...parameters.flatMap(({ name, required, schema }) => {
        const value = given[place === 'header' ? name.toLowerCase() : name];
        if (value === undefined) return required === true ? [{ at: `?${name}`, fault: 'is missing' }] : [];
        return faultsOf(coercing, schema, value).map(({ fault }) => ({ at: `?${name}`, fault }));
      }),
    ];
  });
  return [...faults, ...bodyFaults(operation, request)].map((fault) => ({
    operation: operation.name,
    side: 'request',
    status,
    ...fault,
  }));
}

function bodyFaults(
  { requestBody }: Operation,
  { headers, body }: Exchange['request'],
): { at: string; fault: string }[] {
  if (requestBody?.content === undefined) return [];
  const type = String(headers['content-type']).split(';')[0]!;
  const content = requestBody.content[type];
  return content === undefined ? [{ at: '/', fault: `content type ${type}` }] : faultsOf(ajv, content.schema, body);
}

/** Everything in which an answer differs from the files. A success under another status than theirs is read by their schema of a success. */
export function answerDifferences(operation: Operation, { status, answer }: Exchange): Difference[] {
  const documented = operation.responses[String(status)];
  const success = Object.keys(operation.responses).find((code) => code.startsWith('2'));
  const response = documented ?? (status < 300 && success !== undefined ? operation.responses[success] : undefined);
  const schema = response?.content?.['application/json']?.schema;
  const missing = status < 300 ? missingKeys(schema, answer) : [];
  const faults = [
    ...(documented === undefined ? [{ at: '/', fault: `status ${status} is not documented` }] : []),
    ...missing.map((key) => ({ at: '/', fault: `key ${key} is missing` })),
    ...(schema === undefined ? [] : faultsOf(ajv, schema, answer)),
  ];
  return faults.map((fault) => ({ operation: operation.name, side: 'answer', status, ...fault }));
}

/** The files require nearly nothing; a success has every key of its outermost object all the same. */
function missingKeys(schema: Schema | undefined, answer: unknown): string[] {
  return Object.keys(schema?.['properties'] ?? {}).filter((key) => !(key in (answer as Schema)));
}
