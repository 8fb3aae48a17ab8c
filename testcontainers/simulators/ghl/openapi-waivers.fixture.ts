import type { Difference } from './openapi.fixture.ts';

/** A difference from the official files that is meant. Every one must be met by the test, or it has to go. */
export interface Waiver {
  /** Every operation when absent. */
  operation?: string;
  side: Difference['side'];
  at: string;
  fault: string;
  reason: string;
}

const SAMPLES = 'live samples have it, the file lags behind';
const VALUES = 'a custom field may be a number, a list or an object, by its data type; the file knows only text';
const WRITES =
  'field_value follows the data type: the file means a number where it says object, and lets no case be both';
const STAGES = 'the file says list of lists; stages are objects with id and name';
const SEARCH = "the API's own page needs locationId and limit only; the file marks every key as required";
const CONTACT_ANSWERS = ['GET /contacts/{contactId}', 'PUT /contacts/{contactId}', 'POST /contacts/upsert'];

const answer = (operation: string | undefined, at: string, fault: string, reason: string): Waiver => ({
  ...(operation === undefined ? {} : { operation }),
  side: 'answer',
  at,
  fault,
  reason,
});
const request = (operation: string, at: string, fault: string, reason: string): Waiver => ({
  operation,
  side: 'request',
  at,
  fault,
  reason,
});

/** Every known gap of the official files, with its reason. */
export const WAIVERS: readonly Waiver[] = [
  answer(undefined, '/', 'unknown key traceId', 'every answer carries one, the files name it here and there only'),
  answer(undefined, '/', 'unknown key error', 'a 400 names its kind as a 401 does (issue 170)'),
  answer(undefined, '/', 'status 403 is not documented', 'no file has the 403 of a foreign location'),
  answer(
    'POST /contacts/search',
    '/',
    'status 422 is not documented',
    'sent without pageLimit or locationId (issue 31)',
  ),
  answer('POST /contacts/', '/', 'unknown key meta', 'names the contact that is there already; many clients read it'),
  answer('POST /contacts/upsert', '/', 'unknown key succeded', SAMPLES),
  answer('GET /contacts/', '/', 'unknown key meta', 'the cursor of the next page; many clients read it'),
  ...['contactName', 'firstName', 'lastName', 'phone'].map((key) =>
    answer('GET /contacts/', '/contacts/*', `unknown key ${key}`, SAMPLES),
  ),
  answer('GET /contacts/', '/contacts/*/customFields/*/value', 'must be string', VALUES),
  ...[...CONTACT_ANSWERS, 'POST /contacts/'].flatMap((operation) => [
    answer(operation, '/contact', 'unknown key createdBy', SAMPLES),
    answer(operation, '/contact/customFields/*/value', 'must be string', VALUES),
  ]),
  ...CONTACT_ANSWERS.map((operation) => answer(operation, '/contact', 'unknown key inboundDndSettings', SAMPLES)),
  answer('GET /locations/{locationId}', '/location/settings', 'unknown key contactUniqueIdentifiers', SAMPLES),
  answer('POST /oauth/locationToken', '/', 'status 201 is not documented', 'the file says 200, live it is 201'),
  answer('POST /oauth/locationToken', '/', 'unknown key refresh_token', 'left out of the file, there live (issue 285)'),
  answer('POST /oauth/token', '/', 'unknown key error_description', 'the text of a code that is not found, live'),
  ...['planId', 'approvedLocations', 'installToFutureLocations', 'approveAllLocations'].map((key) =>
    answer('POST /oauth/token', '/', `key ${key} is missing`, 'there for paid apps and bulk installations only'),
  ),
  answer('POST /oauth/token', '/', 'key locationId is missing', 'a token of an agency has none'),
  answer('POST /oauth/locationToken', '/', 'key planId is missing', 'there for paid apps only'),
  answer('GET /users/{userId}', '/', 'key platformLanguage is missing', 'left out for users who never chose one'),
  answer('GET /opportunities/pipelines', '/pipelines/*/stages/*', 'must be array', STAGES),
  ...['POST /contacts/', 'POST /contacts/upsert'].flatMap((operation) => [
    request(operation, '/dateOfBirth', 'must be object', 'the file says object and means text, as its own example is'),
    request(operation, '/customFields/*', 'must match a schema in anyOf', WRITES),
    ...['string', 'array', 'object'].map((type) =>
      request(operation, '/customFields/*/field_value', `must be ${type}`, WRITES),
    ),
  ]),
  ...['query', 'page', 'searchAfter', 'additionalDetails'].map((key) =>
    request('POST /opportunities/search', '/', `must have required property '${key}'`, SEARCH),
  ),
];

/** Whether a waiver is about a difference. */
export function isWaived(waiver: Waiver, difference: Difference): boolean {
  return (
    (waiver.operation ?? difference.operation) === difference.operation &&
    waiver.side === difference.side &&
    waiver.at === difference.at &&
    waiver.fault === difference.fault
  );
}
