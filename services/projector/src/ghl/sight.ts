import { hash } from 'node:crypto';
import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';
import type { VendorHead } from '#libs/contracts/src/head.ts';
import type { GhlRules } from '#libs/domain/src/settings.ts';
import { contentOf } from '#libs/kafka/src/head.ts';
import type { ConsumedEvent } from '#libs/kafka/src/processor.ts';

/** A vendor as a record shows it: who it is and which scan saw it, and the rest for whoever needs it. */
export interface VendorSight {
  head: VendorHead;
  /** All that was observed. */
  observation(): VendorObserved;
  /** Bytes of what was observed, equal whichever scan saw it. */
  content(): Buffer;
}

/** The sight of a record; `seen` is told of its observation once somebody asks for it. */
export function sightOf(event: ConsumedEvent, seen: (observation: VendorObserved) => void): VendorSight {
  const observation = (): VendorObserved => {
    const value = event.value as VendorObserved;
    seen(value);
    return value;
  };
  return {
    head: event.head as VendorHead,
    observation,
    content: () => event.content ?? contentOf('crm.observation.v1.VendorObserved', observation()),
  };
}

/** The sight of an observation that is there already. */
export function wholeSight(observation: VendorObserved): VendorSight {
  return {
    head: observation,
    observation: () => observation,
    content: () => contentOf('crm.observation.v1.VendorObserved', observation),
  };
}

const ruleHashes = new WeakMap<GhlRules, string>();

/**
 * What marks a row that shows all of this content under these rules. A row with this very mark is unchanged by it, so it need not be
 * read (the rules are idempotent; domain property tests).
 */
export function contentMark(sight: VendorSight, rules: GhlRules): string {
  return ruleHash(rules) + hash('md5', sight.content(), 'base64url');
}

function ruleHash(rules: GhlRules): string {
  const known = ruleHashes.get(rules);
  if (known !== undefined) return known;
  const made = hash('md5', JSON.stringify(rules), 'base64url').slice(0, 8);
  ruleHashes.set(rules, made);
  return made;
}
