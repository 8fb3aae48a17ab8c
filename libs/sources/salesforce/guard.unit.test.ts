import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyText } from '#libs/domain/src/text.fixture.ts';
import { guardRequest, guardSoql, soqlText, type GuardedRequest } from './guard.ts';

const REFUSED = expect.objectContaining({ code: 'salesforce_request_refused', kind: 'config' }) as unknown;
const ID = '750Sim000000001AAA';
const V = '/services/data/v58.0';
const query = (soql: string): string => `${V}/query?q=${encodeURIComponent(soql)}`;

function verdict(work: () => void): unknown {
  try {
    work();
    return 'passed';
  } catch (error) {
    return error;
  }
}

describe('requests that read', () => {
  it.each<GuardedRequest>([
    { method: 'GET', path: '/services/data' },
    { method: 'GET', path: `${V}/limits` },
    { method: 'GET', path: `${V}/sobjects/Contact/describe` },
    {
      method: 'GET',
      path: `${V}/sobjects/Contact/deleted/?start=2024-01-01T00%3A00%3A00Z&end=2024-01-02T00%3A00%3A00Z`,
    },
    { method: 'GET', path: query('SELECT Id FROM Contact') },
    { method: 'GET', path: `${V}/query/0r8Sim000000001AAA-2000` },
    { method: 'GET', path: `${V}/jobs/query/${ID}/results?locator=MTAwMDA%3D&maxRecords=50000` },
    { method: 'GET', path: `${V}/jobs/query/${ID}/resultPages` },
    { method: 'POST', path: '/services/oauth2/token' },
    { method: 'POST', path: '/services/oauth2/revoke' },
    { method: 'POST', path: `${V}/jobs/query`, body: { operation: 'queryAll', query: 'SELECT Id FROM Contact' } },
    { method: 'PATCH', path: `${V}/jobs/query/${ID}`, body: { state: 'Aborted' } },
    { method: 'DELETE', path: `${V}/jobs/query/${ID}` },
  ])('$method $path', (request) => expect(verdict(() => guardRequest(request))).toBe('passed'));
});

describe('requests that could write', () => {
  it.each<GuardedRequest>([
    { method: 'POST', path: `${V}/sobjects/Contact`, body: { LastName: 'x' } },
    { method: 'PATCH', path: `${V}/sobjects/Contact/003Sim000000001AAA`, body: { LastName: 'x' } },
    { method: 'PATCH', path: `${V}/sobjects/Contact/003Sim000000001AAA`, body: { state: 'Aborted' } },
    { method: 'DELETE', path: `${V}/sobjects/Contact/003Sim000000001AAA` },
    { method: 'POST', path: `${V}/composite` },
    { method: 'POST', path: `${V}/jobs/ingest`, body: { operation: 'delete', object: 'Contact' } },
    { method: 'POST', path: `${V}/jobs/query`, body: { operation: 'delete', query: 'SELECT Id FROM Contact' } },
    { method: 'POST', path: `${V}/jobs/query`, body: { operation: 'query', query: 'DELETE FROM Contact' } },
    { method: 'POST', path: `${V}/jobs/query`, body: { operation: 'query' } },
    { method: 'POST', path: `${V}/jobs/query/${ID}`, body: { operation: 'query', query: 'SELECT Id FROM Contact' } },
    { method: 'PATCH', path: `${V}/jobs/query/${ID}`, body: { state: 'UploadComplete' } },
    { method: 'PATCH', path: `${V}/jobs/query/${ID}`, body: { state: 'Aborted', more: 1 } },
    { method: 'DELETE', path: `${V}/jobs/query` },
    { method: 'DELETE', path: `${V}/jobs/query/${ID}/results` },
    { method: 'POST', path: '/services/Soap/u/58.0' },
    { method: 'POST', path: '/services/apexrest/anything' },
    { method: 'POST', path: '/services/oauth2/token?x=1' },
    {
      method: 'GET',
      path: `${V}/tooling/executeAnonymous/?anonymousBody=delete%20%5BSELECT%20Id%20FROM%20Contact%5D%3B`,
    },
    { method: 'GET', path: '/services/apexrest/anything' },
    { method: 'GET', path: `${V}/../../../secur/logout.jsp` },
    { method: 'GET', path: `${V}/%2e%2e/apexrest` },
    { method: 'GET', path: `${V}//sobjects` },
    { method: 'GET', path: `${V}/query` },
    { method: 'GET', path: query('SELECT Id FROM Contact FOR VIEW') },
    { method: 'GET', path: `${query('SELECT Id FROM Contact')}&q=SELECT+Id+FROM+Contact+FOR+VIEW` },
    { method: 'GET', path: `${query('SELECT Id FROM Contact')}&explain=SELECT+Id+FROM+User` },
    { method: 'GET', path: `${V}/jobs/query/${ID}?_HttpMethod=DELETE` },
    {
      method: 'POST',
      path: `${V}/jobs/query?_HttpMethod=DELETE`,
      body: { operation: 'query', query: 'SELECT Id FROM Contact' },
    },
    { method: 'PATCH', path: `${V}/jobs/query/${ID}?x=1`, body: { state: 'Aborted' } },
    { method: 'DELETE', path: `${V}/jobs/query/${ID}?x=1` },
    { method: 'GET', path: 'https://elsewhere.example/services/data' },
    { method: 'PUT' as 'POST', path: `${V}/jobs/query` },
  ])('$method $path', (request) => expect(verdict(() => guardRequest(request))).toEqual(REFUSED));
});

describe('queries that read', () => {
  it.each([
    'SELECT Id FROM Contact',
    'select\nId\tfrom  contact',
    '  SELECT Id FROM Contact',
    "SELECT Id FROM Contact WHERE LastName = 'delete FOR VIEW; update'",
    "SELECT Id FROM Contact WHERE LastName = 'O\\'Neill \\\\' AND Id IN ('003Sim000000001AAA')",
    'SELECT Id FROM Contact WHERE SystemModstamp >= 2024-01-01T00:00:00.000Z AND SystemModstamp < 2024-01-02T00:00:00+01:00',
    'SELECT Id FROM Contact WHERE SystemModstamp>2024-01-01T00:00:00Z ORDER BY Id LIMIT 1',
    'SELECT Id FROM Contact WHERE Birthdate IN (2024-01-01,2024-01-02) AND MailingLatitude < -1.5',
    'SELECT COUNT() FROM Contact',
    'SELECT RelationId FROM TaskWhoRelation WHERE Task.LastModifiedDate = LAST_N_DAYS:7 GROUP BY RelationId',
    'SELECT Id FROM Contact WHERE Id IN (SELECT RelationId FROM TaskWhoRelation)',
    'SELECT ForView__c, Update__c FROM Contact',
  ])('%s', (soql) => expect(verdict(() => guardSoql(soql))).toBe('passed'));
});

describe('hostile queries', () => {
  it.each([
    '',
    ' ',
    'DELETE FROM Contact',
    'INSERT INTO Contact',
    'UPDATE Contact SET LastName = null',
    'SELECTED Id FROM Contact',
    'SELECT Id',
    'SELECT Id FROM Contact; DELETE FROM Contact',
    'SELECT Id FROM Contact;',
    'SELECT Id FROM Contact FOR VIEW',
    'SELECT Id FROM Contact for\n reference',
    'SELECT Id FROM Contact\tFOR\tUPDATE',
    'SELECT Id FROM Contact FOR VIEW UPDATE TRACKING',
    'SELECT Id FROM Contact UPDATE VIEWSTAT',
    'SELECT Id FROM Contact LIMIT 1FOR VIEW',
    'SELECT Id FROM Contact LIMIT 1FOR UPDATE',
    'SELECT Id FROM Contact LIMIT 1.FOR VIEW',
    'SELECT Id FROM Contact LIMIT 1_FOR VIEW',
    'SELECT Id FROM Contact WHERE Birthdate > 2024-01-01FOR VIEW',
    'SELECT Id FROM Contact WHERE SystemModstamp > 2024-01-01T00:00:00ZFOR VIEW',
    'SELECT Id FROM Contact WHERE SystemModstamp > 2024-01-01T00:00:00+01:00FOR VIEW',
    'SELECT Id FROM Contact WHERE SystemModstamp = LAST_N_DAYS:7FOR VIEW',
    "SELECT Id FROM Contact WHERE LastName = 'x' FOR VIEW",
    "SELECT Id FROM Contact WHERE LastName = 'x\\' FOR VIEW",
    "SELECT Id FROM Contact WHERE LastName = 'a' OR Id != '",
    'SELECT Id FROM User',
    'SELECT Id FROM Contact WHERE OwnerId IN (SELECT Id FROM User)',
    'SELECT Id, (SELECT Id FROM Cases) FROM Contact',
    'SELECT c.Id FROM Contact c, c.Account a',
    'SELECT Id FROM Contact -- FOR VIEW',
    'SELECT Id FROM Contact /* x */',
    'SELECT Id FROM Contact # x',
    'SELECT Id FROM Ｃontact',
    'SELECT Id FROM Contact\u0000',
    'SELECT * FROM Contact',
    'SELECT Id FROM "Contact"',
    'FIND {x} IN ALL FIELDS RETURNING Contact(Id)',
  ])('%j', (soql) => expect(verdict(() => guardSoql(soql))).toEqual(REFUSED));

  it('no literal, whatever is in it, changes what a query does', () => {
    fc.assert(
      fc.property(
        fc.oneof(anyText(), fc.string({ unit: fc.constantFrom("'", '\\', ' FOR VIEW', ';', 'x') })),
        (text) => {
          guardSoql(`SELECT Id FROM Contact WHERE LastName = ${soqlText(text)}`);
          expect(
            verdict(() => guardSoql(`SELECT Id FROM Contact WHERE LastName = ${soqlText(text)} FOR VIEW`)),
          ).toEqual(REFUSED);
        },
      ),
    );
  });
});
