import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { Connection } from 'jsforce';
import { CONTACT_FIELDS } from '#libs/domain/src/salesforce/fields.ts';
import { LONGEST_NOTE } from './contact-values.ts';
import { makeId, PREFIXES } from './ids.ts';
import { startSalesforceSimulator, type SalesforceSimulator } from './simulator.ts';
import { SIMULATED_CREDENTIALS } from './state.ts';
import { makeWorld } from './world.ts';

const CONTACTS = 2100;
const ROOT = '/services/data/v58.0';
const ALL = CONTACT_FIELDS.map(({ api }) => api).join(', ');
const idOf = (index: number): string => makeId(PREFIXES.Contact, index);

let simulator: SalesforceSimulator;
let token: string;

beforeAll(async () => {
  simulator = await startSalesforceSimulator({ world: makeWorld({ contacts: CONTACTS }) });
});
afterAll(() => simulator.stop());
beforeEach(async () => {
  simulator.faults.clear();
  token = await login();
});

async function login(): Promise<string> {
  const { clientId, clientSecret } = SIMULATED_CREDENTIALS;
  const response = await fetch(`${simulator.baseUrl}/services/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

async function ask(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; headers: Headers; text: string; json: Record<string, unknown> }> {
  const response = await fetch(simulator.baseUrl + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = (/json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : {}) as Record<
    string,
    unknown
  >;
  return { status: response.status, headers: response.headers, text, json };
}

const query = (soql: string, all = ''): ReturnType<typeof ask> =>
  ask('GET', `${ROOT}/query${all}?q=${encodeURIComponent(soql)}`);

/** Id of a finished job. */
async function job(soql: string, operation = 'query'): Promise<string> {
  const { json } = await ask('POST', `${ROOT}/jobs/query`, { operation, query: soql });
  await ask('GET', `${ROOT}/jobs/query/${String(json['id'])}`);
  await ask('GET', `${ROOT}/jobs/query/${String(json['id'])}`);
  return String(json['id']);
}

describe('jsforce', () => {
  const connect = async (): Promise<Connection> => {
    const { clientId, clientSecret, username, password } = SIMULATED_CREDENTIALS;
    const connection = new Connection({
      version: '58.0',
      oauth2: { loginUrl: simulator.baseUrl, clientId, clientSecret },
    });
    await connection.loginByOAuth2(username, password);
    return connection;
  };

  it('logs in and knows who it is', async () => {
    const connection = await connect();
    expect(connection.instanceUrl).toBe(simulator.baseUrl);
    expect(connection.userInfo).toMatchObject({ organizationId: simulator.world.orgId, id: simulator.world.userId });
    expect(await connection.identity()).toMatchObject({ organization_id: simulator.world.orgId });
  });

  it('queries, and follows every page', async () => {
    const connection = await connect();
    const ids = new Set<string>();
    let page = await connection.query<{ Id: string }>('SELECT Id FROM Contact');
    const total = page.totalSize;
    for (;;) {
      for (const { Id } of page.records) ids.add(Id);
      if (page.done) break;
      page = await connection.queryMore<{ Id: string }>(page.nextRecordsUrl!);
    }
    expect(ids.size).toBe(total);
    expect(total).toBeGreaterThan(2050);
    expect(connection.limitInfo.apiUsage?.limit).toBe(100_000);
  });

  it('describes Contact with every field of the map', async () => {
    const { fields, keyPrefix } = await (await connect()).sobject('Contact').describe();
    const known = new Map(fields.map(({ name, type, length }) => [name, { type, length }]));
    expect(keyPrefix).toBe('003');
    for (const { api, type, length } of CONTACT_FIELDS)
      expect([api, known.get(api)]).toEqual([api, { type, length: length ?? 0 }]);
  });

  it('reads a relationship, a small bulk job and the delete log', async () => {
    const connection = await connect();
    const { records } = await connection.query<{ Account: { Name: string } }>(
      `SELECT Account.Name FROM Contact WHERE Id = '${idOf(20)}'`,
    );
    expect(records[0]?.Account.Name).toMatch(/^Clinic \d+$/);
    connection.bulk2.pollInterval = 10;
    const stream = await connection.bulk2.query("SELECT Id, LastName FROM Contact WHERE Epic_ID__c LIKE 'E4_'");
    const rows = (await stream.toArray()) as { Id: string }[];
    expect(rows.length).toBeGreaterThan(3);
    const gone = simulator.world.addContact({ LastName: 'Gone' });
    simulator.world.deleteContact(gone);
    const now = simulator.world.now();
    const { deletedRecords } = await connection
      .sobject('Contact')
      .deleted(new Date(now - 3_600_000), new Date(now + 120_000));
    expect(deletedRecords.map(({ id }) => id)).toContain(gone);
  });

  it('cannot write, and the attempts are counted', async () => {
    const connection = await connect();
    const before = simulator.counters.writes;
    await expect(connection.sobject('Contact').create({ LastName: 'X' })).rejects.toThrow('insufficient access rights');
    await expect(connection.sobject('Contact').update({ Id: idOf(1), LastName: 'X' })).rejects.toThrow(
      'insufficient access rights',
    );
    await expect(connection.sobject('Contact').destroy(idOf(1))).rejects.toThrow('insufficient access rights');
    expect(simulator.counters.writes).toBe(before + 3);
  });
});

describe('SOQL', () => {
  it.each([
    ['SELECT COUNT() FROM Contact WHERE IsDeleted = false', 200],
    ["select Id from contact where (LastName = 'cole' OR LastName LIKE 'Ba%') AND Active__c = TRUE LIMIT 3", 200],
    ['SELECT COUNT(Id) n FROM TaskWhoRelation', 200],
    [
      'SELECT RelationId FROM TaskWhoRelation WHERE Task.LastModifiedDate >= 2020-01-01T00:00:00Z GROUP BY RelationId',
      200,
    ],
    [
      'SELECT Id FROM Contact WHERE SystemModstamp >= 2025-12-01T00:00:00Z AND SystemModstamp < 2026-01-01T00:00:00.000Z',
      200,
    ],
    [
      'SELECT Id FROM Contact WHERE Provider_Start_Date__c > 2024-02-29 ORDER BY CreatedDate DESC NULLS LAST LIMIT 5',
      200,
    ],
    ["SELECT Id FROM Contact WHERE Sub_Specialty__c INCLUDES ('Oncology') AND NOT Email = null", 200],
    ['SELECT Id FROM Contact WHERE CreatedDate = LAST_N_DAYS:30 OFFSET 10', 200],
    ['SELECT * FROM Contact', 'MALFORMED_QUERY'],
    ['SELECT Id, FROM Contact', 'MALFORMED_QUERY'],
    ["SELECT Id FROM Contact WHERE LastName = 'x", 'MALFORMED_QUERY'],
    ['SELECT Id FROM Contact WHERE Active__c = true OR IsDeleted = true AND LastName = null', 'MALFORMED_QUERY'],
    ['SELECT Id FROM Contact; DELETE FROM Contact', 'MALFORMED_QUERY'],
    ['DELETE FROM Contact', 'MALFORMED_QUERY'],
    ['SELECT FIELDS(ALL) FROM Contact', 'MALFORMED_QUERY'],
    ['SELECT Nope__c FROM Contact', 'INVALID_FIELD'],
    ["SELECT Id FROM Contact WHERE CreatedDate > '2024-01-01T00:00:00Z'", 'INVALID_FIELD'],
    ["SELECT Id FROM Contact WHERE MN_Provider_Detailed_Notes__c LIKE '%x%'", 'INVALID_FIELD'],
    ['SELECT Id FROM Nope', 'INVALID_TYPE'],
    ['SELECT Id FROM Contact OFFSET 2001', 'NUMBER_OUTSIDE_VALID_RANGE'],
  ])('%s is %s', async (soql, expected) => {
    const { status, text } = await query(soql);
    if (expected === 200) expect([status, text]).toEqual([200, expect.anything()]);
    else expect([status, (JSON.parse(text) as { errorCode: string }[])[0]!.errorCode]).toEqual([400, expected]);
  });

  it('counts what a query that writes view data would write', async () => {
    const before = simulator.counters.writes;
    await query('SELECT Id FROM Contact LIMIT 1 FOR VIEW');
    expect(simulator.counters.writes).toBe(before + 1);
  });

  it('finds an Id by 15 and by 18 characters', async () => {
    for (const id of [idOf(77), idOf(77).slice(0, 15)])
      expect((await query(`SELECT Id FROM Contact WHERE Id IN ('${id}')`)).json).toMatchObject({ totalSize: 1 });
  });
});

describe('the world', () => {
  it('is the same for the same options, and whole', async () => {
    const [a, b] = [makeWorld({ contacts: 100 }).view(), makeWorld({ contacts: 100 }).view()];
    for (let index = 0; index < 100; index += 1)
      for (const { api } of CONTACT_FIELDS) expect(a.contactValue(index, api)).toBe(b.contactValue(index, api));
    const seen = CONTACT_FIELDS.filter(({ api }) =>
      Array.from({ length: 100 }, (_item, index) => a.contactValue(index, api)).every((value) => value === null),
    );
    expect(seen.map(({ api }) => api)).toEqual(['LastViewedDate', 'LastReferencedDate']);
  });

  it('changes with time: only what changed shows in a window, and deletes show in queryAll', async () => {
    const { world } = simulator;
    const from = new Date(world.now() + 1).toISOString();
    const since = `SELECT Id, IsDeleted, MasterRecordId FROM Contact WHERE SystemModstamp >= ${from}`;
    const [added, merged] = [world.addContact({ LastName: 'New' }), world.addContact({ LastName: 'Old' })];
    world.changeContact(idOf(30), { LastName: 'Changed' });
    world.recalculate(idOf(31), { Days_Since_Last_Visit__c: 1 });
    world.deleteContact(idOf(32));
    world.mergeContacts(added, merged);
    const ids = async (all: string): Promise<unknown[]> =>
      ((await query(since, all)).json['records'] as { Id: string; MasterRecordId: string | null }[])
        .map(({ Id, MasterRecordId }) => [Id, MasterRecordId].join(' ').trim())
        .sort();
    expect(await ids('')).toEqual([idOf(30), added].sort());
    expect(await ids('All')).toEqual([idOf(30), idOf(32), added, `${merged} ${added}`].sort());
    world.undeleteContact(idOf(32));
    expect(await ids('')).toContain(idOf(32));
    world.hideContact(idOf(32));
    expect(await ids('All')).not.toContain(idOf(32));
  });
});

describe('bulk', () => {
  it('gives every row once over its locators, nasty ones as they are', async () => {
    const id = await job(`SELECT ${ALL} FROM Contact`, 'queryAll');
    const rows: Record<string, string>[] = [];
    let locator = '';
    do {
      const path = `${ROOT}/jobs/query/${id}/results?maxRecords=800${locator === '' ? '' : `&locator=${encodeURIComponent(locator)}`}`;
      const { headers, text } = await ask('GET', path);
      const set = parse<Record<string, string>>(text, { columns: true });
      expect(set).toHaveLength(Number(headers.get('sforce-numberofrecords')));
      expect(headers.get('content-encoding')).toBe('gzip');
      rows.push(...set);
      locator = headers.get('sforce-locator')!;
    } while (locator !== 'null');
    const byId = new Map(rows.map((row) => [row['Id'], row]));
    expect(byId.size).toBe(rows.length);
    expect(Object.keys(rows[0]!)).toEqual(CONTACT_FIELDS.map(({ api }) => api));
    expect(byId.get(idOf(1))).toMatchObject({
      MailingStreet: '1 Main Street\nSuite "B"\r\n',
      FirstName: 'Ann, "Annie"',
    });
    expect(byId.get(idOf(2))!['FirstName']).toBe('Nu\u0000ll');
    expect(byId.get(idOf(4))!['MN_Provider_Detailed_Notes__c']).toBe(LONGEST_NOTE);
    expect(LONGEST_NOTE).toHaveLength(32_768);
    expect(byId.get(idOf(5))!['LastName']).toBe('');
    expect(byId.get(idOf(8))!['LastName']).toBe('王😀');
    expect(byId.get(idOf(9))!['MailingLatitude']).toBe('1.25E-7');
    expect(byId.get(idOf(20))!['CreatedDate']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
  });

  it('offers up to five parallel links that together are the result', async () => {
    simulator.knobs.resultSetRows = 300;
    const id = await job('SELECT Id FROM Contact');
    const ids = new Set<string>();
    let next: string | undefined = `${ROOT}/jobs/query/${id}/resultPages`;
    const links: number[] = [];
    while (next !== undefined) {
      const { json } = await ask('GET', next);
      const pages = json['resultPages'] as { resultUrl: string }[];
      links.push(pages.length);
      for (const { resultUrl } of pages)
        for (const [one] of parse((await ask('GET', resultUrl)).text, { from: 2 })) ids.add(one as string);
      next = json['nextRecordsUrl'] as string | undefined;
    }
    simulator.knobs.resultSetRows = 50_000;
    expect(links).toEqual([5, 2]);
    expect(ids.size).toBe(((await query('SELECT COUNT() FROM Contact')).json as { totalSize: number }).totalSize);
  });

  it('does not show changes made after the job', async () => {
    const id = await job(`SELECT Id, LastName FROM Contact WHERE Id = '${idOf(40)}'`);
    const { text } = await ask('GET', `${ROOT}/jobs/query/${id}/results`);
    simulator.world.changeContact(idOf(40), { LastName: 'Later' });
    expect((await ask('GET', `${ROOT}/jobs/query/${id}/results`)).text).toBe(text);
  });

  it('is aborted and deleted, and then gone', async () => {
    simulator.faults.add({ kind: 'job-stuck', match: 'POST', times: 1 });
    const id = await job('SELECT Id FROM Contact');
    const path = `${ROOT}/jobs/query/${id}`;
    expect((await ask('GET', `${path}/results`)).status).toBe(412);
    expect((await ask('DELETE', path)).status).toBe(400);
    expect((await ask('PATCH', path, { state: 'Aborted' })).json).toMatchObject({ state: 'Aborted' });
    expect((await ask('DELETE', path)).status).toBe(204);
    expect((await ask('GET', path)).status).toBe(404);
  });

  it.each([
    ['SELECT COUNT(Id) FROM Contact', 'API_ERROR'],
    ['SELECT Id FROM Contact OFFSET 5', 'API_ERROR'],
    ['SELECT MailingAddress FROM Contact', 'INVALIDENTITY'],
    ['SELECT Id FROM TaskWhoRelation', 'INVALIDENTITY'],
  ])('refuses %s', async (soql, errorCode) =>
    expect((await ask('POST', `${ROOT}/jobs/query`, { operation: 'query', query: soql })).text).toContain(errorCode),
  );

  it('of another version is a conflict', async () => {
    const id = await job('SELECT Id FROM Contact LIMIT 1');
    expect((await ask('GET', `/services/data/v60.0/jobs/query/${id}/results`)).status).toBe(409);
  });
});

describe('sessions and limits', () => {
  it('a session ends after its calls', async () => {
    simulator.knobs.tokenCalls = 2;
    const statuses = [];
    for (let call = 0; call < 3; call += 1) statuses.push((await ask('GET', `${ROOT}/limits`)).status);
    simulator.knobs.tokenCalls = Number.POSITIVE_INFINITY;
    expect(statuses).toEqual([200, 200, 401]);
  });

  it.each([
    [{ grant_type: 'password' }, 'invalid_request'],
    [{ grant_type: 'password', client_id: 'x' }, 'invalid_client_id'],
    [
      { grant_type: 'client_credentials', client_id: SIMULATED_CREDENTIALS.clientId, client_secret: 'x' },
      'invalid_client',
    ],
    [{ grant_type: 'magic' }, 'unsupported_grant_type'],
    [{ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'a.b.c' }, 'invalid_grant'],
  ])('%j is refused as %s', async (form, error) => {
    const response = await fetch(`${simulator.baseUrl}/services/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams(form as Record<string, string>),
    });
    expect([response.status, await response.json()]).toEqual([400, { error, error_description: expect.any(String) }]);
  });

  it('usage moves, and ends at the limit', async () => {
    const used = async (): Promise<unknown> => (await ask('GET', `${ROOT}/limits`)).headers.get('sforce-limit-info');
    const [first, second] = [await used(), await used()];
    expect(second).not.toBe(first);
    simulator.knobs.apiRequestsMax = 1;
    expect((await query('SELECT Id FROM Contact LIMIT 1')).text).toContain('REQUEST_LIMIT_EXCEEDED');
    simulator.knobs.apiRequestsMax = 100_000;
  });

  it('wrong verbs and unknown paths are refused', async () => {
    expect((await ask('PUT', `${ROOT}/query`)).status).toBe(405);
    expect((await ask('GET', `${ROOT}/nope`)).status).toBe(404);
    expect((await ask('GET', '/services/data/v99.0/sobjects')).status).toBe(404);
  });
});

describe('the control endpoint', () => {
  const control = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${simulator.baseUrl}/__control${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  it('changes contacts, fields, faults and time', async () => {
    const { id } = (await (await control('POST', '/contacts', { LastName: 'Made' })).json()) as { id: string };
    const { id: loser } = (await (await control('POST', '/contacts', { LastName: 'Twin' })).json()) as { id: string };
    await control('PATCH', `/contacts/${id}`, { LastName: 'Changed' });
    await control('POST', `/contacts/${id}/merge/${loser}`);
    const rows = (
      await query(`SELECT LastName, IsDeleted FROM Contact WHERE Id IN ('${id}', '${loser}') ORDER BY Id`, 'All')
    ).json;
    expect(rows['records']).toMatchObject([
      { LastName: 'Changed', IsDeleted: false },
      { LastName: 'Twin', IsDeleted: true },
    ]);
    await control('POST', `/contacts/${loser}/undelete`);
    await control('DELETE', `/contacts/${id}`);
    await control('POST', `/contacts/${id}/hide`);
    expect((await query(`SELECT Id FROM Contact WHERE Id IN ('${id}', '${loser}')`, 'All')).json).toMatchObject({
      totalSize: 1,
    });
    await control('DELETE', '/fields/Fax');
    expect((await query('SELECT Fax FROM Contact LIMIT 1')).text).toContain('INVALID_FIELD');
    simulator.schema.show('Fax');
    await control('POST', '/faults', { kind: '503', times: 1 });
    expect((await query('SELECT Id FROM Contact LIMIT 1')).status).toBe(503);
    const before = simulator.world.now();
    await control('POST', '/advance', { ms: 5000 });
    expect(simulator.world.now()).toBe(before + 5000);
    expect(await (await control('GET', '/counters')).json()).toMatchObject({ bulkJobs: expect.any(Number) });
  });
});
