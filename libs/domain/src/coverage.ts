import type { LookupZip } from './zip.ts';

/** Where a vendor works. The three fields are replaced together (V16). */
export interface Coverage {
  type: 'global' | 'national' | 'state' | 'county';
  states: string[];
  counties: string[];
}

/** What a service zip codes text says, and how many of its items nobody knows. */
export interface ParsedCoverage {
  /** Undefined when the text is unknown: the fields stay as they are. */
  coverage: Coverage | undefined;
  errors: ('unknown_coverage' | 'unknown_zip')[];
}

const STATES = new Set(
  (
    'AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA ' +
    'WA WV WI WY DC PR VI GU AS MP'
  ).split(' '),
);
const COUNTY = /^([^,\d]+),\s*([a-z]{2})$/i;
const ZIP = /^\d{5}(-\d{4})?$/;
const ZIP_LIKE = /^[\d-]*\d[\d-]*$/;

type Item =
  | { kind: 'state'; state: string }
  | { kind: 'county'; county: string; state: string }
  | { kind: 'unknown'; code: 'unknown_coverage' | 'unknown_zip' };

/** Reads the service zip codes text by the table of rules-ghl section 4. Known items count, each unknown one is an error. */
export function parseCoverage(text: string, lookupZip: LookupZip): ParsedCoverage {
  const trimmed = text.trim();
  if (/\bglobal\b/i.test(trimmed)) return known({ type: 'global', states: [], counties: [] });
  if (/\bnational\b/i.test(trimmed) || /^(usa|united\s+states|us)$/i.test(trimmed))
    return known({ type: 'national', states: [], counties: [] });
  const items = pieces(trimmed, /[;\r\n]/).flatMap((item) => readItem(item, lookupZip));
  const counties = items.filter((item) => item.kind === 'county');
  const alone = items.filter((item) => item.kind === 'state');
  const errors = items.filter((item) => item.kind === 'unknown').map(({ code }) => code);
  const states = new Set([...counties, ...alone].map(({ state }) => state));
  if (states.size === 0) return { coverage: undefined, errors: errors.length === 0 ? ['unknown_coverage'] : errors };
  const type = counties.length > 0 ? 'county' : 'state';
  return {
    coverage: { type, states: [...states], counties: [...new Set(counties.map(({ county }) => county))] },
    errors,
  };
}

function known(coverage: Coverage): ParsedCoverage {
  return { coverage, errors: [] };
}

/** One item between `;` or lines: a county, or zips and states that commas (zips: blanks too) separate. */
function readItem(item: string, lookupZip: LookupZip): Item[] {
  const county = readCounty(item);
  if (county !== undefined) return [county];
  const words = pieces(item, /,/).flatMap((piece) => (/\d/.test(piece) ? pieces(piece, /\s/) : [piece]));
  const others = words.filter((word) => !ZIP_LIKE.test(word));
  const zips = words.filter((word) => ZIP_LIKE.test(word)).map((word) => readZip(word, lookupZip));
  // Commas never separate counties: other words are one unknown item, so that a list of counties does not widen to their states.
  if (others.length > 0 && !others.every(isCode)) return [...zips, { kind: 'unknown', code: 'unknown_coverage' }];
  return [...zips, ...others.map(readState)];
}

function readCounty(item: string): Item | undefined {
  const match = COUNTY.exec(item);
  const [name, state] = [match?.[1]?.trim() ?? '', match?.[2]?.toUpperCase() ?? ''];
  if (name === '' || isCode(name) || !STATES.has(state)) return undefined;
  return { kind: 'county', county: `${name}, ${state}`, state };
}

function readZip(word: string, lookupZip: LookupZip): Item {
  const place = ZIP.test(word) ? lookupZip(word.slice(0, 5)) : undefined;
  if (place === undefined) return { kind: 'unknown', code: 'unknown_zip' };
  return { kind: 'county', county: `${place.county}, ${place.state}`, state: place.state };
}

function readState(word: string): Item {
  const state = word.toUpperCase();
  return STATES.has(state) ? { kind: 'state', state } : { kind: 'unknown', code: 'unknown_coverage' };
}

function isCode(word: string): boolean {
  return /^[a-z]{2}$/i.test(word);
}

function pieces(text: string, separator: RegExp): string[] {
  return text
    .split(separator)
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '');
}
