/** County and state of a five-digit US zip; undefined when it is unknown. Handed in, so that the rules stay pure. */
export type LookupZip = (zip5: string) => { county: string; state: string } | undefined;

/** A lead's zip with what it resolves to. */
export interface LeadZip {
  zip: string | null;
  county: string | null;
  state: string | null;
}

/**
 * Zip as stored (rules-ghl section 5): ZIP+4 and nine digits become the first five, three or four digits are padded with zeros
 * on the left, blanks are trimmed, letters stay as given.
 */
export function normalizeZip(text: string): string {
  const zip = text.trim();
  const compact = zip.replace(/\s+/g, '');
  if (/^\d{5}-?\d{4}$/.test(compact)) return compact.slice(0, 5);
  if (/^\d{3,4}$/.test(compact)) return compact.padStart(5, '0');
  if (/^\d{5}$/.test(compact)) return compact;
  return zip;
}

/** The last word of an address that looks like a zip: five digits, or ZIP+4. */
export function zipOfAddress(address: string): string | undefined {
  return address.match(/(?<![\w-])\d{5}(?:-\d{4})?(?![\w-])/g)?.at(-1);
}

/** One order on create and update: postalCode, else the address, else the custom zip field; then county and state of it. */
export function leadZip(
  sources: { postalCode: string | null; address: string | null; customField: string | null },
  lookupZip: LookupZip,
): LeadZip {
  const given = filled(sources.postalCode) ?? zipOfAddress(sources.address ?? '') ?? filled(sources.customField);
  if (given === undefined) return { zip: null, county: null, state: null };
  const zip = normalizeZip(given);
  const place = /^\d{5}$/.test(zip) ? lookupZip(zip) : undefined;
  return { zip, county: place?.county ?? null, state: place?.state ?? null };
}

function filled(text: string | null): string | undefined {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' ? undefined : trimmed;
}
