import { toId18 } from '#libs/domain/src/salesforce/contact.ts';
import { toAppError } from '#libs/runtime/src/errors.ts';
import type { FieldSelection, SourcePage } from '../kit/ports.ts';
import type { SalesforceClient } from './client.ts';
import type { ContactOptions } from './contacts.ts';
import { selectFields } from './drift.ts';
import { recordMaker, type Records } from './records.ts';
import { readRest } from './rest.ts';
import { fitsAddress, lookUpQuery } from './soql.ts';

/** Ids of one look-up: their list leaves room for the fields in the longest address Salesforce takes. */
export const LOOKUP_IDS = 200;

type Row = Record<string, unknown>;

/** Contacts by their ids, deleted ones included; those that Salesforce does not show are left out. */
export async function lookUp(
  client: SalesforceClient,
  fields: readonly string[],
  ids: readonly string[],
): Promise<Map<string, Row>> {
  let found: Map<string, Row> | undefined;
  for (const part of partsOf(fields, ids)) {
    const rows = new Map<string, Row>();
    for await (const { records } of readRest(client, lookUpQuery(part, ids), null))
      for (const record of records) rows.set(toId18(record['Id'])!, record);
    // One that went between two parts is not there: half of it would be taken for the whole.
    found = found === undefined ? rows : joined(found, rows);
  }
  return found!;
}

/** Fields, and Id with each part of them, so that the address of each query is taken. */
function partsOf(fields: readonly string[], ids: readonly string[]): string[][] {
  const parts = [['Id']];
  for (const field of fields.filter((name) => name !== 'Id')) {
    const part = [...parts.at(-1)!, field];
    if (fitsAddress(lookUpQuery(part, ids))) parts[parts.length - 1] = part;
    else parts.push(['Id', field]);
  }
  return parts;
}

function joined(some: ReadonlyMap<string, Row>, others: ReadonlyMap<string, Row>): Map<string, Row> {
  return new Map([...some].filter(([id]) => others.has(id)).map(([id, row]) => [id, { ...row, ...others.get(id) }]));
}

/** Contacts that were looked up, and the fields they are read by from here on where Contact was described for it. */
export type LookedUp = Records & Pick<SourcePage, 'fields'>;

/** Reads contacts by their ids as a scan reads them: Contact is described at the first, and again when a field has vanished. */
export function contactLookUp(
  client: SalesforceClient,
  { extraFields, onFields, clock }: ContactOptions,
): (ids: readonly string[]) => Promise<LookedUp> {
  const make = recordMaker(() => clock.now());
  let selection: FieldSelection | undefined;

  async function read(ids: readonly string[]): Promise<LookedUp> {
    if (selection !== undefined) return look(selection, ids);
    selection = selectFields(await client.describe('Contact'), extraFields);
    onFields?.(selection);
    return { ...(await look(selection, ids)), fields: selection };
  }

  const look = async ({ read: fields }: FieldSelection, ids: readonly string[]): Promise<Records> =>
    make.ofRecords(fields, [...(await lookUp(client, fields, ids)).values()]);

  return (ids) =>
    read(ids).catch((error: unknown) => {
      if (toAppError(error).code !== 'salesforce_invalid_field') throw error;
      selection = undefined;
      return read(ids);
    });
}
