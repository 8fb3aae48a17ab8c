import { describe, expect, it } from '@jest/globals';
import type { ContactRead, VendorObserved } from '#libs/contracts/src/generated/events.ts';
import { classify, statusFromTags } from './classify.ts';
import { contact, evidence, ids, lookupZip, rules } from './rules.fixture.ts';
import type { GhlRules } from './settings.ts';

function classes(given: ContactRead, withRules: GhlRules = rules): string[] {
  return classify(given, withRules, lookupZip).map(({ type, value }) => {
    const name = type.split('.').at(-1)!;
    return 'reason' in value ? `${name} ${value.reason}` : name;
  });
}

function vendorOf(given: ContactRead, withRules: GhlRules = rules): VendorObserved {
  const event = classify({ ...given, knownAs: evidence({ vendorById: true }) }, withRules, lookupZip)[0]!;
  return event.value as VendorObserved;
}

const discovery = { ...rules, leadDiscoveryTags: ['web form'] };
const VENDOR = ['VendorObserved'];
const LEAD = ['LeadObserved'];
const NOBODY = ['ContactUnclassified no_evidence'];

describe('evidence and class (rules-ghl section 2)', () => {
  it.each<[string, Partial<ContactRead>, string[]]>([
    ['no evidence', {}, NOBODY],
    ['vendor by id', { knownAs: evidence({ vendorById: true }) }, VENDOR],
    ['vendor by e-mail', { knownAs: evidence({ vendorByEmail: true }) }, VENDOR],
    ['source keyword in any case', { source: 'my VENDOR application form' }, VENDOR],
    ['vendor tag', { tags: ['Manually Approved '] }, VENDOR],
    ['a level tag alone is no signal', { tags: ['reactivated'] }, NOBODY],
    ['lead by id', { knownAs: evidence({ leadById: true }) }, LEAD],
    ['lead by e-mail', { knownAs: evidence({ leadByEmail: true }) }, LEAD],
    ['lead by opportunity', { knownAs: evidence({ leadByOpportunity: true }) }, LEAD],
    ['lead with vendor signals is a vendor', { knownAs: evidence({ leadById: true }), tags: ['new vendor'] }, VENDOR],
    [
      'vendor by evidence only can be both',
      { knownAs: evidence({ vendorById: true, leadByEmail: true }) },
      [...VENDOR, ...LEAD],
    ],
    [
      'staff, whatever else is true',
      { type: ' Staff', knownAs: evidence({ vendorById: true, leadById: true }), tags: ['new vendor'] },
      ['ContactUnclassified staff'],
    ],
    ['mode targeted leaves unknown contacts alone', { mode: 'targeted', tags: ['new vendor'] }, NOBODY],
    ['mode single takes a contact with signals for a vendor', { mode: 'single', tags: ['new vendor'] }, VENDOR],
    ['mode single leaves an unknown contact without signals alone', { mode: 'single' }, NOBODY],
    ["mode single: a vendor row's own contact", { mode: 'single', knownAs: evidence({ vendorById: true }) }, VENDOR],
    ['mode single: an e-mail alone', { mode: 'single', knownAs: evidence({ vendorByEmail: true }) }, NOBODY],
    [
      'mode single: an e-mail and signals',
      { mode: 'single', tags: ['new vendor'], knownAs: evidence({ vendorByEmail: true }) },
      VENDOR,
    ],
    [
      'mode targeted: signals and lead evidence',
      { mode: 'targeted', tags: ['new vendor'], knownAs: evidence({ leadById: true }) },
      VENDOR,
    ],
  ])('%s', (_, overrides, expected) => {
    expect(classes(contact(overrides))).toEqual(expected);
  });

  it.each<[string, Partial<ContactRead>, string[]]>([
    ['with the tag, known to no row', { tags: ['Web Form'] }, LEAD],
    ['without the tag', {}, NOBODY],
    ['with vendor signals', { tags: ['web form', 'new vendor'] }, VENDOR],
    ['that is a vendor row', { tags: ['web form'], knownAs: evidence({ vendorById: true }) }, VENDOR],
    ['in mode targeted', { mode: 'targeted', tags: ['web form'] }, NOBODY],
    ['in mode single', { mode: 'single', tags: ['web form'] }, NOBODY],
  ])('LEAD_DISCOVERY_TAGS: a contact %s', (_, overrides, expected) => {
    expect(classes(contact(overrides), discovery)).toEqual(expected);
  });

  it('by default no lead is discovered, and an empty keyword is no signal', () => {
    expect(classes(contact({ tags: ['web form', 'new lead'] }))).toEqual(NOBODY);
    expect(classes(contact({ source: 'any' }), { ...rules, vendorSourceKeyword: '' })).toEqual(NOBODY);
  });

  it('a discovered lead says so; a known one does not', () => {
    const [found] = classify(contact({ tags: ['web form'] }), discovery, lookupZip);
    const [known] = classify(
      contact({ tags: ['web form'], knownAs: evidence({ leadById: true }) }),
      discovery,
      lookupZip,
    );
    expect([found?.value, known?.value]).toMatchObject([{ discovered: true }, { discovered: false }]);
  });

  it('scan fields are copied', () => {
    const given = contact({
      scanId: 's',
      scanNumber: 7,
      dryRun: true,
      mode: 'targeted',
      readAt: 9,
      dateUpdated: 8,
      email: ' A@B.c ',
    });
    expect(classify(given, rules, lookupZip)[0]?.value).toMatchObject({
      account: 'loc',
      scanId: 's',
      scanNumber: 7,
      dryRun: true,
      contactId: 'c1',
      mode: 'targeted',
      observedAt: 9,
      dateUpdated: 8,
      email: 'a@b.c',
      knownAs: given.knownAs,
    });
  });
});

describe('status from tags (README)', () => {
  const levels = rules.vendorTagLevels;
  it.each(levels.map(({ tag, status }) => [tag, status]))('%s alone is %s', (tag, status) => {
    expect(statusFromTags([tag], rules)).toBe(status);
  });

  it.each(
    levels.flatMap((low) =>
      levels.filter(({ level }) => level > low.level).map((high) => [low.tag, high.tag, high.status]),
    ),
  )('of %s and %s the higher level wins', (low, high, status) => {
    expect(statusFromTags([low, high], rules)).toBe(status);
    expect(statusFromTags([high, low], rules)).toBe(status);
  });

  it('no level tag is null', () => {
    expect(statusFromTags(['other'], rules)).toBeNull();
  });
});

describe('what a vendor observation reads (rules-ghl section 4)', () => {
  it('every field from its custom field', () => {
    const custom = {
      [ids.ghlUserId]: 'u1',
      [ids.companyName]: ' Co ',
      [ids.serviceCategories[0]!]: ['Docks', 'Lifts'],
      [ids.serviceCategories[1]!]: 'old',
      [ids.servicesOffered]: 'a, b',
      [ids.serviceZipCodes]: 'Broward, FL',
      [ids.takingNewWork]: 'No',
      [ids.lastLeadAssigned]: '2024-03-01',
      [ids.leadClosePercentage]: '45%',
      [ids.primaryServiceCategory]: 'Docks',
    };
    expect(vendorOf(contact({ tags: ['reactivated'] }, custom))).toMatchObject({
      ghlUserId: 'u1',
      companyName: 'Co',
      serviceCategories: ['Docks', 'Lifts'],
      servicesOffered: ['a', 'b'],
      serviceZipCodes: 'Broward, FL',
      coverageType: 'county',
      coverageStates: ['FL'],
      coverageCounties: ['Broward, FL'],
      takingNewWork: false,
      lastLeadAssigned: Date.UTC(2024, 2, 1),
      leadClosePercentage: 45,
      primaryServiceCategory: 'Docks',
      tagStatus: 'active',
      fieldErrors: [],
    });
  });

  it('the second category field counts when the first is empty', () => {
    const custom = { [ids.serviceCategories[0]!]: [], [ids.serviceCategories[1]!]: 'a, b' };
    expect(vendorOf(contact({}, custom)).serviceCategories).toEqual(['a', 'b']);
  });

  it('field errors never lose a record, and each names its column once', () => {
    const custom = {
      [ids.companyName]: { a: 1 },
      [ids.leadClosePercentage]: 'many',
      [ids.lastLeadAssigned]: '2024-02-30',
      [ids.takingNewWork]: 'maybe',
      [ids.serviceZipCodes]: '33301, 99999, 88888',
      [ids.ghlUserId]: 'u'.repeat(256),
    };
    const vendor = vendorOf(contact({ firstName: 'A\0nn', lastName: 'L\0ee' }, custom));
    expect(vendor).toMatchObject({ name: 'Ann Lee', companyName: null, takingNewWork: false, coverageType: 'county' });
    expect(vendor.ghlUserId).toBeNull();
    expect(vendor.fieldErrors).toEqual(
      expect.arrayContaining([
        { field: 'ghl_user_id', code: 'too_long' },
        { field: 'name', code: 'nul_removed' },
        { field: 'company_name', code: 'unexpected_type' },
        { field: 'lead_close_percentage', code: 'not_a_number' },
        { field: 'last_lead_assigned', code: 'not_a_date' },
        { field: 'taking_new_work', code: 'not_yes_or_no' },
        { field: 'service_zip_codes', code: 'unknown_zip' },
      ]),
    );
    expect(vendor.fieldErrors).toHaveLength(7);
  });

  it('a custom field that is no JSON is a field error, not a lost record', () => {
    const given = { ...contact(), customFields: [{ id: ids.companyName, value: 'no json' }] };
    expect(vendorOf(given).fieldErrors).toEqual([{ field: 'company_name', code: 'unexpected_type' }]);
  });
});

describe('what a lead observation reads (rules-ghl section 5)', () => {
  it('contact, request and zip', () => {
    const custom = {
      [ids.primaryServiceCategory]: 'Docks',
      [ids.specificServiceRequested]: 'repair',
      [ids.leadZip]: '33401',
    };
    const given = contact(
      { knownAs: evidence({ leadById: true }), postalCode: '33301-1', address1: '1 A St 33301', tags: ['New Lead'] },
      custom,
    );
    expect(classify({ ...given, postalCode: null }, rules, lookupZip)[0]?.value).toMatchObject({
      name: 'Ann Lee',
      phone: '+1',
      primaryServiceCategory: 'Docks',
      specificServiceRequested: 'repair',
      zip: '33301',
      county: 'Broward',
      state: 'FL',
      hasNewLeadTag: true,
    });
  });

  it('field errors name the columns of leads', () => {
    const given = contact({
      knownAs: evidence({ leadById: true }),
      firstName: 'A\0',
      email: 'a\0@b',
      phone: '1\0',
      postalCode: '33301\0',
    });
    expect(classify(given, rules, lookupZip)[0]?.value).toMatchObject({
      name: 'A Lee',
      email: 'a@b',
      phone: '1',
      zip: '33301',
    });
    const { fieldErrors } = classify(given, rules, lookupZip)[0]?.value as VendorObserved;
    expect(fieldErrors.map(({ field }) => field).sort()).toEqual([
      'customer_email',
      'customer_name',
      'customer_phone',
      'service_zip_code',
    ]);
  });
});
