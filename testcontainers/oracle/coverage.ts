import { placeOf } from './zips.ts';

/** The three coverage columns, which are replaced together (V16). */
export interface Coverage {
  type: 'global' | 'national' | 'state' | 'county';
  states: string[];
  counties: string[];
}

const STATES = new Set(
  (
    'AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR ' +
    'PA RI SC SD TN TX UT VT VA WA WV WI WY'
  ).split(' '),
);

type Item = { state: string } | { county: string; state: string } | 'unknown';

/** rules-ghl section 4, the coverage table: what a text of service zip codes says, and whether an item says nothing. */
export function coverageOf(text: string): { coverage: Coverage | undefined; isFaulty: boolean } {
  if (/\bglobal\b/i.test(text)) return whole('global');
  if (/\bnational\b/i.test(text) || ['USA', 'UNITED STATES', 'US'].includes(text.trim().toUpperCase())) {
    return whole('national');
  }
  const items = text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .flatMap(itemsOf);
  const known = items.filter((item) => item !== 'unknown');
  const inCounties = known.filter((item) => 'county' in item);
  const alone = known.filter((item) => !('county' in item));
  const states = distinct([...inCounties, ...alone].map(({ state }) => state));
  const counties = distinct(inCounties.map(({ county }) => county));
  if (known.length === 0) return { coverage: undefined, isFaulty: true };
  const isFaulty = known.length < items.length;
  return { coverage: { type: counties.length > 0 ? 'county' : 'state', states, counties }, isFaulty };
}

function whole(type: 'global' | 'national'): { coverage: Coverage; isFaulty: boolean } {
  return { coverage: { type, states: [], counties: [] }, isFaulty: false };
}

/** The items of what stands between two semicolons: commas separate states and zips, never counties; blanks separate zips. */
function itemsOf(part: string): Item[] {
  const pieces = part.split(',').map((piece) => piece.trim());
  const [first = '', last = ''] = pieces;
  if (pieces.length === 2 && isState(last) && !isState(first) && !isZips(first)) {
    const state = last.toUpperCase();
    return [{ county: `${first}, ${state}`, state }];
  }
  return pieces
    .filter((piece) => piece !== '')
    .flatMap((piece) => (isZips(piece) ? piece.split(/\s+/).map(zip) : [state(piece)]));
}

function isState(text: string): boolean {
  return STATES.has(text.toUpperCase());
}

function isZips(text: string): boolean {
  return text.split(/\s+/).every((word) => /^\d{5}(-\d{4})?$/.test(word));
}

function state(text: string): Item {
  return isState(text) ? { state: text.toUpperCase() } : 'unknown';
}

function zip(text: string): Item {
  const place = placeOf(text.slice(0, 5));
  return place === undefined ? 'unknown' : { county: `${place.county}, ${place.state}`, state: place.state };
}

function distinct(items: string[]): string[] {
  return [...new Set(items)];
}
