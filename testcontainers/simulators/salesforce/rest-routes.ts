import type { Express, Request, RequestHandler } from 'express';
import { fail } from './errors.ts';
import { makeId, PREFIXES } from './ids.ts';
import { OBJECTS, type ObjectField, type SimulatedObject } from './objects.ts';
import { planQuery, type Plan } from './query.ts';
import { jsonRecord } from './rows.ts';
import { parseSoql } from './soql.ts';
import type { State } from './state.ts';

const ROOT = '/services/data/:version';
const MINUTE = 60_000;
const DAY = 86_400_000;
const VERSIONS = { first: 31, last: 67 };
const LARGEST_PAGE = 2000;
const SMALLEST_PAGE = 200;
const LARGEST_URI = 16_384;

interface Cursor {
  plan: Plan;
  pageRows: number;
}

/** `v58.0` of the path; 404 for a version that does not exist. */
export function versionOf(request: Request): string {
  const version = String(request.params['version']);
  const number = Number(/^v(\d+)\.0$/.exec(version)?.[1]);
  if (!(number >= VERSIONS.first && number <= VERSIONS.last))
    throw fail(404, 'NOT_FOUND', 'The requested resource does not exist');
  return version;
}

/** Versions, limits, objects, describe, query, queryAll, deleted, updated (salesforce A3, A5, A6). */
export function addRestRoutes(app: Express, state: State, authorize: RequestHandler): void {
  const { world, schema, knobs, counters } = state;
  const cursors = new Map<string, Cursor>();

  app.get('/services/data', (_request, response) => {
    const count = VERSIONS.last - VERSIONS.first + 1;
    response.json(
      Array.from({ length: count }, (_item, index) => {
        const version = `${VERSIONS.first + index}.0`;
        return { label: `Release ${version}`, url: `/services/data/v${version}`, version };
      }),
    );
  });

  app.get(ROOT, authorize, (request, response) => {
    const base = `/services/data/${versionOf(request)}`;
    response.json({
      identity: `${state.baseUrl()}/id/${world.orgId}/${world.userId}`,
      query: `${base}/query`,
      sobjects: `${base}/sobjects`,
      jobs: `${base}/jobs`,
      limits: `${base}/limits`,
    });
  });

  app.get(`${ROOT}/limits`, authorize, (_request, response) => {
    const limit = (Max: number, used: number): { Max: number; Remaining: number } => ({
      Max,
      Remaining: Math.max(0, Max - used),
    });
    response.json({
      DailyApiRequests: limit(knobs.apiRequestsMax, counters.apiRequests),
      DailyBulkApiBatches: limit(15_000, 0),
      DailyBulkV2QueryJobs: limit(knobs.bulkJobsMax, counters.bulkJobs),
      DailyBulkV2QueryFileStorageMB: limit(976_562, Math.ceil(counters.bulkBytes / 1e6)),
    });
  });

  app.get(`${ROOT}/sobjects`, authorize, (request, response) => {
    const version = versionOf(request);
    response.json({
      encoding: 'UTF-8',
      maxBatchSize: 200,
      sobjects: OBJECTS.map((object) => describeHead(object, version)),
    });
  });

  app.get(`${ROOT}/sobjects/:object/describe`, authorize, (request, response) => {
    const object = found(request);
    response.set('Last-Modified', new Date(world.now()).toUTCString());
    response.json({ ...describeHead(object, versionOf(request)), fields: schema.fields(object).map(describeField) });
  });

  const query =
    (withDeleted: boolean): RequestHandler =>
    (request, response) => {
      if (request.originalUrl.length > LARGEST_URI) throw fail(414, 'URI_TOO_LONG', 'The URI is too long');
      const text = request.query['q'];
      if (typeof text !== 'string') throw fail(400, 'MALFORMED_QUERY', 'A query string has to be specified');
      const parsed = parseSoql(text);
      if (parsed.writes !== null) counters.writes += 1;
      const plan = planQuery(parsed, schema, world.view(), withDeleted);
      const compound = plan.columns.find(({ field }) => field.type === 'address');
      if (compound !== undefined)
        throw fail(400, 'INVALID_FIELD', `compound fields are not simulated: ${compound.name}`);
      const asked = Number(/batchSize=(\d+)/i.exec(request.get('sforce-query-options') ?? '')?.[1] ?? LARGEST_PAGE);
      const pageRows = Math.min(Math.max(asked, SMALLEST_PAGE), LARGEST_PAGE, knobs.restPageRows);
      const id = makeId(PREFIXES.Cursor, cursors.size + 1);
      cursors.set(id, { plan, pageRows });
      response.json(answer(id, { plan, pageRows }, 0, versionOf(request)));
    };
  for (const slash of ['', '/']) {
    app.get(`${ROOT}/query${slash}`, authorize, query(false));
    app.get(`${ROOT}/queryAll${slash}`, authorize, query(true));
  }

  app.get(`${ROOT}/query/:locator`, authorize, more);
  app.get(`${ROOT}/queryAll/:locator`, authorize, more);

  function more(...[request, response]: Parameters<RequestHandler>): void {
    const match = /^(\w+)-(\d+)$/.exec(String(request.params['locator']));
    const cursor = cursors.get(match?.[1] ?? '');
    if (match === null || cursor === undefined) throw fail(400, 'INVALID_QUERY_LOCATOR', 'invalid query locator');
    response.json(answer(match[1]!, cursor, Number(match[2]), versionOf(request)));
  }

  app.get(`${ROOT}/sobjects/:object/deleted`, authorize, (request, response) => {
    found(request);
    const { from, to } = span(request, 15 * DAY);
    response.json({
      deletedRecords: world
        .deletedBetween(from, to)
        .map(({ id, deletedDate }) => ({ id, deletedDate: rest(deletedDate) })),
      earliestDateAvailable: rest(world.now() - 15 * DAY),
      latestDateCovered: rest(Math.min(to, world.now())),
    });
  });

  app.get(`${ROOT}/sobjects/:object/updated`, authorize, (request, response) => {
    const object = found(request);
    const { from, to } = span(request, 30 * DAY);
    const view = world.view();
    const ids: string[] = [];
    for (let index = 0; index < object.size(view); index += 1) {
      const at = object.value(view, index, 'SystemModstamp');
      if (typeof at !== 'number' || at < from || at >= to || !object.isVisible(view, index)) continue;
      if (object.value(view, index, 'IsDeleted') !== true) ids.push(String(object.value(view, index, 'Id')));
    }
    response.json({ ids, latestDateCovered: rest(Math.min(to, view.now)) });
  });

  /** The object of the path; an unknown one is a missing resource here, not a wrong query. */
  function found(request: Request): SimulatedObject {
    const name = String(request.params['object']);
    const object = OBJECTS.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (object === undefined) throw fail(404, 'NOT_FOUND', 'The requested resource does not exist');
    return object;
  }

  /** Start and end of a window, in whole minutes, not longer ago than the limit. */
  function span(request: Request, longest: number): { from: number; to: number } {
    const read = (name: string): number => {
      const given = request.query[name];
      const ms = typeof given === 'string' ? Date.parse(given) : Number.NaN;
      if (Number.isNaN(ms)) throw fail(400, 'INVALID_REPLICATION_DATE', `${name} date is not a valid date`);
      return Math.floor(ms / MINUTE) * MINUTE;
    };
    const [from, to] = [read('start'), read('end')];
    if (to - from < MINUTE)
      throw fail(400, 'INVALID_REPLICATION_DATE', 'endDate must be at least one minute greater than startDate');
    if (from < world.now() - longest)
      throw fail(400, 'INVALID_REPLICATION_DATE', 'startDate before org replication enabled date');
    return { from, to };
  }
}

const rest = (ms: number): string => new Date(ms).toISOString().replace('Z', '+0000');

function answer(id: string, { plan, pageRows }: Cursor, from: number, version: string): Record<string, unknown> {
  if (plan.isCountOnly) return { totalSize: plan.rows.length, done: true, records: [] };
  if (plan.aggregate !== null)
    return {
      totalSize: plan.aggregate.length,
      done: true,
      records: plan.aggregate.map((row) => ({ attributes: { type: 'AggregateResult' }, ...row })),
    };
  const page = plan.rows.subarray(from, from + pageRows);
  const next = from + page.length;
  const done = next >= plan.rows.length;
  return {
    totalSize: plan.rows.length,
    done,
    ...(done ? {} : { nextRecordsUrl: `/services/data/${version}/query/${id}-${next}` }),
    records: Array.from(page, (index) => jsonRecord(plan, index, version)),
  };
}

function describeHead({ name, label }: SimulatedObject, version: string): Record<string, unknown> {
  const base = `/services/data/${version}/sobjects/${name}`;
  return {
    name,
    label,
    labelPlural: `${label}s`,
    keyPrefix: PREFIXES[name],
    custom: false,
    queryable: true,
    createable: false,
    updateable: false,
    deletable: false,
    urls: { sobject: base, describe: `${base}/describe`, rowTemplate: `${base}/{ID}` },
  };
}

function describeField(field: ObjectField): Record<string, unknown> {
  const { name, type } = field;
  return {
    ...field,
    label: name.replace(/__c$/, '').replaceAll('_', ' '),
    precision: type === 'double' ? 18 : 0,
    scale: type === 'double' ? 15 : 0,
    custom: /__[cs]$/.test(name),
    picklistValues: [],
    updateable: false,
    createable: false,
    filterable: type !== 'address' && !(type === 'textarea' && field.length > 255),
    sortable: type !== 'address' && type !== 'textarea' && type !== 'multipicklist',
    externalId: name.startsWith('External_ID'),
  };
}
