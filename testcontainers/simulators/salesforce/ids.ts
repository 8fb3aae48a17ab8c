import { toId18 } from '#libs/domain/src/salesforce/contact.ts';

/** First three characters of an Id by object (salesforce A10). */
export const PREFIXES = {
  Contact: '003',
  Account: '001',
  User: '005',
  Task: '00T',
  TaskWhoRelation: '0RT',
  Job: '750',
  Cursor: '0r8',
  Org: '00D',
} as const;

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const POD = 'Sim';
const WIDTH = 9;

/** The 18-character Id of the n-th record of an object. Ids sort as their numbers do. */
export function makeId(prefix: string, number: number): string {
  let text = '';
  for (let rest = number, at = 0; at < WIDTH; at += 1) {
    text = DIGITS[rest % 62]! + text;
    rest = Math.floor(rest / 62);
  }
  return toId18(prefix + POD + text)!;
}

/** Number of a record from its Id of 15 or 18 characters; undefined when it is not one of this prefix. */
export function numberOf(id: string, prefix: string): number | undefined {
  const full = toId18(id);
  if (full === undefined || !full.startsWith(prefix + POD) || (id.length === 18 && toId18(id.slice(0, 15)) !== id))
    return undefined;
  let number = 0;
  for (const digit of full.slice(6, 15)) number = number * 62 + DIGITS.indexOf(digit);
  return number;
}
