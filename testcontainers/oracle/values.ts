import type { GhlRules } from '#libs/domain/src/settings.ts';
import type { Random } from '#testcontainers/simulators/ghl/random.ts';

/** Postal codes of every kind that rules-ghl section 5 names. */
export const POSTAL_CODES = [
  '33301',
  '33301-1234',
  '331310000',
  '2108',
  ' 10001 ',
  '601',
  '00000',
  '09001',
  'K1A 0B1',
  '',
];

/** Streets with a zip, with several, without one, and with a house number that looks like one. */
export const STREETS = [
  '12 Main Street',
  '12345 Main Street, FL 33131',
  '7 Dock Road, Miami FL 33131-0001',
  '33301',
  '90210 Elm Street',
];

/** Texts for every line of the coverage table (rules-ghl section 4). */
export const COVERAGE = [
  'Global',
  'we are GLOBAL, ask us',
  'Globally',
  'Global Marine, FL',
  'NATIONAL',
  'nationwide',
  'usa',
  'United States',
  'us',
  'FL',
  'fl, ga',
  'FL; GA',
  'FL; XX',
  'Broward, FL',
  'Broward,FL; Palm Beach, FL',
  'Broward, FL; Fulton, GA; Broward, FL',
  '33301, 33131',
  '33301 33304;30301-1234',
  '33301\n10001',
  '00000',
  '33301, 00000, 00000',
  'FL; 10001',
  'GA; Broward, FL; 10001; nowhere',
  'FL, 33301',
  'somewhere',
  'here; there',
  ['FL', 'GA'],
  33301,
];

const SERVICES = ['Plumbing', 'Roofing', 'Marine Repair'];

/** Custom fields of a contact: each field there or not, with values of every type. */
export function customValues({
  random,
  rules: { customFields: ids },
  users,
  opportunities,
}: {
  random: Random;
  rules: GhlRules;
  users: string[];
  opportunities: string[];
}): { id: string; value: unknown }[] {
  const odd = [{ unexpected: 'object' }, '', null, 'nul\0led', true, 7];
  const choices: [chance: number, id: string, values: readonly unknown[]][] = [
    [0.3, ids.ghlUserId, [...users, '']],
    [0.5, ids.companyName, ['Lee Plumbing', ' Lee Plumbing ', ['Lee', 'Sons'], ...odd]],
    [
      0.4,
      ids.serviceCategories[0]!,
      [['Plumbing', 'Roofing'], ['Roofing', ' Plumbing ', 'Roofing'], [], 'Painting, HVAC', ...odd],
    ],
    [0.3, ids.serviceCategories[1] ?? '', ['Painting,, HVAC ', '', ...SERVICES]],
    [0.4, ids.servicesOffered, ['Plumbing, Roofing', 'Roofing,Plumbing', 'Roofing, Pools', ',', ...odd]],
    [0.6, ids.serviceZipCodes, [...COVERAGE, '', { unexpected: 'object' }]],
    [0.4, ids.takingNewWork, ['Yes', 'no', ' TRUE ', '0', '1', 'maybe', true, false, 1, ['Yes'], '', {}]],
    [
      0.4,
      ids.lastLeadAssigned,
      [
        '2025-03-01',
        '2025-03-01T10:00:00.000Z',
        '2025-03-01T10:00:00+02:00',
        '9999-12-31T23:59:59-05:00',
        '2025-02-30',
        'soon',
        '',
      ],
    ],
    [0.4, ids.leadClosePercentage, ['45%', 12.5, ' 7 % ', 'n/a', '12,5', -3, 0, '', {}]],
    [0.4, ids.primaryServiceCategory, [...SERVICES, ['Pools', 'Decks'], ...odd]],
    [0.4, ids.specificServiceRequested, ['Boat polish', 'Fix the roof', ...odd]],
    [0.3, ids.leadZip, ['33131', '2108', 'X9', '']],
    [0.15, 'OpportunityFieldOfOurs', opportunities],
  ];
  return choices.flatMap(([chance, id, values]) => (random.chance(chance) ? [{ id, value: random.pick(values) }] : []));
}
