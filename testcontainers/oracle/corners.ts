import type { GhlRules } from '#libs/domain/src/settings.ts';
import { blankLead, blankVendor, type LeadRow, type VendorRow } from './rows.ts';
import type { OracleWorld, WorldContact } from './worlds.ts';

const [A, B, C] = ['AAAAAAAAAAAAAAAAAAAA', 'BBBBBBBBBBBBBBBBBBBB', 'CCCCCCCCCCCCCCCCCCCC'] as const;
const [ONE, TWO] = ['one@example.test', 'two@example.test'] as const;
const SIGNAL = 'Vendor Application';

/** Worlds of a few rows for what random ones rarely meet, or met once and found wrong. */
export function corners(rules: GhlRules): [what: string, world: OracleWorld][] {
  const user = (value: string): Partial<WorldContact> => ({
    customFields: [{ id: rules.customFields.ghlUserId, value }],
  });
  return [
    [
      'a contact that comes back after its row was bound to another one gets a row of its own',
      worldOf({
        scans: [
          [contact(A, ONE, 1, { source: SIGNAL })],
          [contact(B, ONE, 2, { source: SIGNAL })],
          [contact(B, ONE, 2, { source: SIGNAL }), contact(A, TWO, 3, { source: SIGNAL })],
        ],
      }),
    ],
    [
      'an e-mail that an older row gets in this scan does not make it the row of that e-mail',
      worldOf({
        vendors: [vendor('older', { ghl_contact_id: A }), vendor('younger', { email: ONE, created_at: 2 })],
        scans: [[contact(A, ONE, 1), contact(B, ONE, 2)]],
      }),
    ],
    [
      'a lead contact without an e-mail loses no row that gives up an e-mail',
      worldOf({
        leads: [
          lead('a', { ghl_contact_id: A, customer_email: ONE }),
          lead('b', { ghl_contact_id: B, customer_email: ONE }),
        ],
        scans: [[contact(A, undefined, 1), contact(B, TWO, 2)]],
      }),
    ],
    [
      'a vendor loses a lead row by the e-mail that the row gives up, whoever is read first',
      worldOf({
        leads: [lead('a', { ghl_contact_id: A }), lead('b', { ghl_contact_id: B, customer_email: ONE })],
        scans: [[contact(A, ONE, 1, { source: SIGNAL }), contact(B, TWO, 2)]],
      }),
    ],
    [
      'a GHL user id that a row gives up in this scan goes to nobody before the next',
      worldOf({
        vendors: [
          vendor('had', { ghl_contact_id: A, ghl_user_id: 'user' }),
          vendor('wants', { ghl_contact_id: B }),
          vendor('too', { ghl_contact_id: C }),
        ],
        scans: [
          [contact(A, ONE, 1), contact(B, TWO, 2, user('user')), contact(C, undefined, 2, user('new'))],
          [contact(A, ONE, 3, user('new')), contact(B, TWO, 2, user('user')), contact(C, undefined, 2, user('new'))],
        ],
      }),
    ],
    [
      'a missing row that comes back unwritten counts among the rows in scope of the safety valve',
      worldOf({
        vendors: [
          vendor('first', { email: ONE }),
          ...Array.from({ length: 3 }, (_, index) =>
            vendor(`back${index}`, {
              email: ONE,
              created_at: 2,
              status: rules.inactiveStatus,
              previous_status: 'active',
            }),
          ),
          ...Array.from({ length: 5 }, (_, index) => vendor(`lost${index}`, { email: `${index}@lost.test` })),
        ],
        scans: [[contact(A, ONE, 1)]],
      }),
    ],
    [
      'of newcomers with one e-mail the losers leave no row, no error and no count',
      worldOf({
        scans: [
          ['1', '2', '3', '4', '5', '6', '7', '8'].map((end, index) =>
            contact(`${A.slice(1)}${end}`, ONE, index + 1, {
              source: SIGNAL,
              phone: 'call\0me',
              tags: index === 7 ? [] : ['deactivated'],
            }),
          ),
        ],
      }),
    ],
  ];
}

function worldOf({
  vendors = [],
  leads = [],
  scans,
}: {
  vendors?: VendorRow[];
  leads?: LeadRow[];
  scans: WorldContact[][];
}): OracleWorld {
  return { seed: 0, vendors, leads, scans: scans.map((contacts) => ({ contacts, unanswered: [], dryRun: false })) };
}

function vendor(id: string, columns: Partial<VendorRow>): VendorRow {
  return { ...blankVendor(`corner-${id}`), name: 'Old Name', created_at: 1, ...columns };
}

function lead(id: string, columns: Partial<LeadRow>): LeadRow {
  return { ...blankLead(`corner-${id}`), created_at: 1, ...columns };
}

function contact(id: string, email: string | undefined, day: number, more: Partial<WorldContact> = {}): WorldContact {
  const at = Date.UTC(2025, 0, day);
  return {
    id,
    ...(email === undefined ? {} : { email }),
    firstName: 'Ann',
    lastName: 'Lee',
    tags: [],
    customFields: [],
    opportunities: [],
    dateAdded: at,
    dateUpdated: at,
    ...more,
  };
}
