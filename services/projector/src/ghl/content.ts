import { hash } from 'node:crypto';
import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';

/** What only says which scan saw the contact, and how. */
const OF_THE_SCAN = { scanId: null, scanNumber: 0, dryRun: false, mode: '', observedAt: 0, knownAs: null };
const ruleHashes = new WeakMap<GhlRules, string>();

/**
 * Hash of all that decides what a row shows: the contact as observed, without the scan that saw it, and the rules. A row that
 * shows this very content is unchanged by it, so it need not be read (the rules are idempotent; domain property tests).
 */
export function contentHash(observation: VendorObserved, rules: GhlRules): string {
  const content = { ...observation, ...OF_THE_SCAN };
  return hash('md5', ruleHash(rules) + JSON.stringify(content), 'base64url');
}

function ruleHash(rules: GhlRules): string {
  const known = ruleHashes.get(rules);
  if (known !== undefined) return known;
  const made = hash('md5', JSON.stringify(rules), 'base64url');
  ruleHashes.set(rules, made);
  return made;
}
