import { AppError } from '#libs/runtime/src/errors.ts';

/** A request as it would be sent. */
export interface GuardedRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path and query, without the host. */
  path: string;
  body?: unknown;
}

const DATA = '/services/data';
const VERSION = 'v\\d{2,3}\\.0';
const ID = '[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?';
const NAME = '[A-Za-z][A-Za-z0-9_]*';
const JOBS = new RegExp(`^${DATA}/${VERSION}/jobs/query$`);
const JOB = new RegExp(`^${DATA}/${VERSION}/jobs/query/${ID}$`);
const QUERY = new RegExp(`^${DATA}/${VERSION}/query(?:All)?/?$`);

/**
 * What may be read. Narrower than all of /services/data: some of it executes code on a GET, such as tooling/executeAnonymous.
 */
const READS = [
  new RegExp(`^${DATA}/?$`),
  new RegExp(`^${DATA}/${VERSION}/(?:limits|sobjects)?/?$`),
  new RegExp(`^${DATA}/${VERSION}/sobjects/${NAME}/(?:describe|deleted|updated)/?$`),
  QUERY,
  new RegExp(`^${DATA}/${VERSION}/query(?:All)?/[A-Za-z0-9-]+$`),
  JOBS,
  JOB,
  new RegExp(`^${DATA}/${VERSION}/jobs/query/${ID}/(?:results|resultPages)$`),
];
const TOKENS = /^\/services\/oauth2\/(?:token|revoke)$/;

/** Objects that are read. */
export const READ_OBJECTS: readonly string[] = ['Contact', 'TaskWhoRelation'];

/**
 * Throws salesforce_request_refused for whatever does more than read (salesforce B7): called before a socket is opened. Its
 * messages quote neither the query nor the body.
 */
export function guardRequest({ method, path, body }: GuardedRequest, objects = READ_OBJECTS): void {
  const [pathname = '', ...rest] = path.split('?');
  // A path that a server might read differently from us is refused as it stands.
  if (/[\\#%]|\/\/|\/\.{1,2}(?:\/|$)/.test(pathname)) throw refused(`${method} of an odd path`);
  const query = new URLSearchParams(rest.join('?'));
  if (method !== 'GET' && query.size > 0) throw refused(`${method} with parameters`);
  switch (method) {
    case 'GET':
      if (!READS.some((pattern) => pattern.test(pathname))) throw refused(`GET ${pathname}`);
      guardParameters([...query.keys()], QUERY.test(pathname));
      if (QUERY.test(pathname)) guardSoql(query.get('q') ?? '', objects);
      return;
    case 'POST':
      if (TOKENS.test(pathname)) return;
      if (!JOBS.test(pathname)) throw refused(`POST ${pathname}`);
      return guardJob(body, objects);
    case 'PATCH':
      if (!JOB.test(pathname) || JSON.stringify(body) !== '{"state":"Aborted"}') throw refused(`PATCH ${pathname}`);
      return;
    case 'DELETE':
      if (!JOB.test(pathname)) throw refused(`DELETE ${pathname}`);
      return;
    default:
      throw refused(String(method satisfies never));
  }
}

/**
 * A query has one text and nothing beside it: of two, the server may take the other one. What else is read may have any parameters, as
 * Salesforce makes such links itself, but none that stands for another method (_HttpMethod).
 */
function guardParameters(names: readonly string[], isQuery: boolean): void {
  const isKnown = isQuery ? names.join() === 'q' : !names.some((name) => name.startsWith('_'));
  if (!isKnown) throw refused('GET with parameters that are not known');
}

function guardJob(body: unknown, objects: readonly string[]): void {
  const { operation, query } = (body ?? {}) as { operation?: unknown; query?: unknown };
  if (operation !== 'query' && operation !== 'queryAll') throw refused('a bulk job that is no query');
  if (typeof query !== 'string') throw refused('a bulk job without a query');
  guardSoql(query, objects);
}

const DATE = '\\d{4}-\\d\\d-\\d\\d(?:T\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?(?:Z|[+-]\\d\\d:\\d\\d))?';
// For Salesforce a word may begin right behind a number or a date: what is glued to one is refused.
const NUMBER = `(?:${DATE}|\\d+(?:\\.\\d+)?)(?![A-Za-z0-9_.])`;
const TOKEN = new RegExp(`\\s+|'(?:[^'\\\\]|\\\\[^])*'|[A-Za-z_][A-Za-z0-9_.]*|${NUMBER}|<=|>=|!=|<>|[=<>(),:+-]`, 'y');
const WRITES = ['FOR VIEW', 'FOR REFERENCE', 'FOR UPDATE', 'UPDATE TRACKING', 'UPDATE VIEWSTAT'];

/**
 * Throws unless the text is one SELECT over the objects, without the clauses that write view data or lock. The text is cut into
 * tokens: what stands in a string literal is no word, and what is neither token nor space is refused.
 */
export function guardSoql(soql: string, objects = READ_OBJECTS): void {
  const words = tokenize(soql);
  if (words[0] !== 'SELECT') throw refused('a query that is no SELECT');
  const text = ` ${words.join(' ')} `;
  const writing = WRITES.find((pair) => text.includes(` ${pair} `));
  if (writing !== undefined) throw refused(`a query with ${writing}`);
  const known = new Set(objects.map((name) => name.toUpperCase()));
  const sources = words.flatMap((word, at) => (word === 'FROM' ? [at + 1] : []));
  if (sources.length === 0) throw refused('a query of nothing');
  for (const at of sources) {
    if (!known.has(words[at] ?? '')) throw refused('a query of an object that is not on the list');
    // `FROM Contact c, c.Account a` reads a second object behind the comma.
    const end = words.findIndex(
      (word, index) => index > at && /^(?:WHERE|[)]|WITH|GROUP|ORDER|LIMIT|OFFSET|FOR|UPDATE|ALL)$/.test(word),
    );
    if (words.slice(at, end === -1 ? undefined : end).includes(',')) throw refused('a query of several objects');
  }
}

/** Words in upper case; string literals as one word each. */
function tokenize(soql: string): string[] {
  const words: string[] = [];
  TOKEN.lastIndex = 0;
  let read = 0;
  for (let match = TOKEN.exec(soql); match !== null; match = TOKEN.exec(soql)) {
    read = TOKEN.lastIndex;
    const [word] = match;
    if (word.startsWith("'")) words.push("''");
    else if (word.trim() !== '') words.push(word.toUpperCase());
  }
  if (read < soql.length) throw refused('a query with a character that belongs to none');
  return words;
}

/** A text as a SOQL literal. */
export function soqlText(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

function refused(what: string): AppError {
  return new AppError('salesforce_request_refused', `refused before it was sent: ${what}`);
}
