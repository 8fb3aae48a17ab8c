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
const COUNTY = /^([^,]*[^\d,\s][^,]*?)\s*,\s*([a-z]{2})$/i;
const ZIP = /^\d{5}(-\d{4})?$/;

type Item =
  | { kind: 'state'; state: string }
  | { kind: 'county'; county: string; state: string }
  | { kind: 'unknown'; code: 'unknown_coverage' | 'unknown_zip' };

/** Reads the service zip codes text by the table of rules-ghl section 4. */
export function parseCoverage(text: string, lookupZip: LookupZip): ParsedCoverage {
  const trimmed = text.trim();
  if (/\bglobal\b/i.test(trimmed)) return known({ type: 'global', states: [], counties: [] });
  if (/\bnational\b/i.test(trimmed) || /^(usa|united states|us)$/i.test(trimmed)) return known({ type: 'national', states: [], counties: [] });
  const items = itemsOf(trimmed).map((item) => readItem(item, lookupZip));
  const states = new Set<string>();
  const counties = new Set<string>();
  const errors: ParsedCoverage['errors'] = [];
  for (const item of items) {
    if (item.kind === 'unknown') errors.push(item.code);
    else {
      states.add(item.state);
      if (item.kind === 'county') counties.add(item.county);
    }
  }
  if (states.size === 0) return { coverage: undefined, errors: errors.length === 0 ? ['unknown_coverage'] : errors };
  return { coverage: { type: counties.size > 0 ? 'county' : 'state', states: [...states], counties: [...counties] }, errors };
}

function known(coverage: Coverage): ParsedCoverage {
  return { coverage, errors: [] };
}

/** Commas separate zips and states only, never counties; `;` separates anything. */
function itemsOf(text: string): string[] {
  return text
    .split(/[;\n\r]+/)
    .flatMap((part) => {
      const pieces = part.split(',').map((piece) => piece.trim());
      const states = pieces.every((piece) => piece === '' || isState(piece));
      const words = part.split(/[\s,]+/).filter((word) => word !== '');
      if (words.length > 0 && words.every((word) => /^[\d-]+$/.test(word))) return words;
      if (states) return pieces;
      // Zips and states may share a part; a county keeps its comma.
      if (pieces.every((piece) => piece === '' || isState(piece) || piece.split(/\s+/).every((word) => /^[\d-]+$/.test(word)))) {
        return pieces.flatMap((piece) => piece.split(/\s+/));
      }
      return [part];
    })
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function isState(text: string): boolean {
  return STATES.has(text.toUpperCase());
}

function readItem(item: string, lookupZip: LookupZip): Item {
  if (isState(item)) return { kind: 'state', state: item.toUpperCase() };
  if (ZIP.test(item)) {
    const place = lookupZip(item.slice(0, 5));
    if (place === undefined) return { kind: 'unknown', code: 'unknown_zip' };
    return { kind: 'county', county: `${place.county}, ${place.state}`, state: place.state };
  }
  if (/^[\d-]+$/.test(item)) return { kind: 'unknown', code: 'unknown_zip' };
  const match = COUNTY.exec(item);
  const state = match?.[2]?.toUpperCase() ?? '';
  if (match === null || !STATES.has(state)) return { kind: 'unknown', code: 'unknown_coverage' };
  return { kind: 'county', county: `${match[1]!.trim()}, ${state}`, state };
}
