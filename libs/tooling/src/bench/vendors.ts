import { randomUUID } from 'node:crypto';
import type { VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { partitionOf, type OutgoingEvent } from '#libs/kafka/src/producer.ts';
import type { Platform } from '#libs/runtime/src/platform.ts';

/** Topic that the benchmark publishes to. */
export const TOPIC = 'crm.observation.v1';
const ACCOUNT = 'BenchmarkLocation000';
const CHUNK = 5_000;

/** One pass over all vendors. */
export interface Phase {
  name: string;
  version: number;
  known: boolean;
}

/** First load, every vendor changed, every vendor as it was. */
export const PHASES: readonly Phase[] = [
  { name: 'first load', version: 1, known: false },
  { name: 'all changed', version: 2, known: true },
  { name: 'all unchanged', version: 2, known: true },
];

/** A vendor as the classifier writes it: every column filled. */
function observation(index: number, { version, known }: Phase, scanId: string): VendorObserved {
  const text = (what: string): string => `${what} ${index} v${version}`;
  return {
    account: ACCOUNT,
    scanId,
    scanNumber: 0,
    dryRun: false,
    contactId: `contact${String(index).padStart(13, '0')}`,
    mode: 'full',
    observedAt: 1_750_000_000_000 + version,
    dateUpdated: 1_740_000_000_000 + version,
    email: `vendor${index}@example.test`,
    knownAs: {
      vendorById: known,
      vendorByEmail: known,
      leadById: false,
      leadByEmail: false,
      leadByOpportunity: false,
      leadOpportunityIds: [],
    },
    signals: true,
    name: text('Name'),
    nameIsStandIn: false,
    phone: `+1555${String(index).padStart(7, '0')}`,
    companyName: text('Company'),
    ghlUserId: `user${String(index).padStart(16, '0')}`,
    serviceCategories: ['Plumbing', text('Category')],
    servicesOffered: ['Pipes', text('Service')],
    serviceZipCodes: 'Broward, FL; Palm Beach, FL',
    coverageType: 'county',
    coverageStates: ['FL'],
    coverageCounties: ['Broward, FL', 'Palm Beach, FL'],
    takingNewWork: index % 2 === 0,
    lastLeadAssigned: 1_700_000_000_000 + index,
    leadClosePercentage: (index % 100) + version / 10,
    primaryServiceCategory: text('Primary'),
    tagStatus: 'active',
    fieldErrors: [],
  };
}

/** Publishes an observation of every vendor as one scan. */
export async function publish(platform: Platform, rows: number, phase: Phase): Promise<void> {
  const scanId = randomUUID();
  const numbers = new Map<number, number>();
  for (let from = 0; from < rows; from += CHUNK) {
    const events: OutgoingEvent[] = [];
    for (let index = from; index < Math.min(rows, from + CHUNK); index += 1) {
      const value = observation(index, phase, scanId);
      const key = `${ACCOUNT}:contact:${value.contactId}`;
      const partition = partitionOf(key, 6);
      const scanNumber = (numbers.get(partition) ?? 0) + 1;
      numbers.set(partition, scanNumber);
      value.scanNumber = scanNumber;
      events.push({
        topic: TOPIC,
        key,
        partition,
        type: 'crm.observation.v1.VendorObserved',
        value,
        id: randomUUID(),
        scanId,
        scanNumber,
        correlationId: scanId,
      });
    }
    await platform.producer.send(events);
  }
}
