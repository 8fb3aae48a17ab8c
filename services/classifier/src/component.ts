import type { GhlRules } from '#libs/domain/src/settings.ts';
import type { Component } from '#libs/runtime/src/host.ts';
import { instrument } from '#libs/runtime/src/instrument.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';
import { classifier } from './classifier.ts';
import { lookupZip } from './zip-codes.ts';

/** The classifier as parts of a host. */
export function classifierComponents(
  platform: Pick<Platform, 'producer' | 'consumer'>,
  rulesFor: (account: string) => GhlRules,
): Component[] {
  const { producer } = platform;
  const onObservation = (type: string): void => instrument.observation(type, 'ghl');
  return [platform.consumer(classifier({ producer, rulesFor, lookupZip, onObservation }))];
}
