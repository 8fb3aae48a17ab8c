import { describe, expect, it } from '@jest/globals';
import { MAX_RECORD_BYTES } from '#libs/contracts/src/topics.ts';
import { readerOf } from '#libs/kafka/src/avro-types.ts';
import { evolveVendor } from '#libs/domain/src/vendor.ts';
import { leadRow, rules, vendorObserved, vendorRow } from '#libs/domain/src/rules.fixture.ts';
import { markMissing, restoreSighted } from '#libs/domain/src/missing.ts';
import type { VendorRow } from '#libs/domain/src/rows.ts';
import { createChangeLog, lifecycleEvents, storedChanges, UNTOLD, type Cause, type ChangeLog } from './changes.ts';
import { LEADS, VENDORS } from './columns.ts';
import { copyCell } from './copy.ts';
import { birthsOf } from './births.ts';
import type { Sql } from './pool.ts';

const CAUSE: Cause = { kind: 'observation', eventId: 'cause-1', scanId: 'scan', at: 500 };

async function published(log: ChangeLog): Promise<ReturnType<typeof lifecycleEvents>> {
  const events: ReturnType<typeof lifecycleEvents> = [];
  const sql = {
    query: async ({ values: [kind, count, content] }: { values: [string, number, string] }) => {
      const chunk = lifecycleEvents(kind === 'births' ? birthsOf(content) : storedChanges(content));
      expect(chunk).toHaveLength(count);
      events.push(...chunk);
    },
  };
  await log.publish(sql as unknown as Sql);
  return events;
}

async function told(before: VendorRow | undefined, after: VendorRow | undefined, cause = CAUSE) {
  const log = createChangeLog(rules);
  log.note(VENDORS, { before, after, version: 2, cause });
  return published(log);
}

const row = vendorRow({ status: 'active' });

describe('lifecycle events of rows', () => {
  it('a new row is created from nothing; its empty fields are left out', async () => {
    const [event, ...more] = await told(undefined, vendorRow({ phone: null, lastLeadAssigned: Date.UTC(2026, 0, 2) }));
    expect(more).toEqual([]);
    expect(event).toMatchObject({ type: 'crm.lifecycle.v1.VendorCreated', key: row.id, scanId: 'scan', time: 500 });
    const fields = event!.value.changes.map(({ field }) => field);
    expect(fields).not.toContain('phone');
    expect(fields).not.toContain('created_at');
    expect(event!.value.changes).toContainEqual({
      field: 'last_lead_assigned',
      before: null,
      after: '"2026-01-02T00:00:00.000Z"',
    });
  });

  it.each([
    ['VendorUpdated', row, { ...row, phone: '+2' }, ['phone']],
    ['VendorMarkedMissing', row, markMissing(row, 9, rules), ['status', 'previous_status', 'missing_since']],
    [
      'VendorRestored',
      markMissing(row, 9, rules),
      { ...restoreSighted(markMissing(row, 9, rules), 'vendors', 10, rules), ghlContactId: 'other' },
      ['status', 'previous_status', 'missing_since', 'ghl_contact_id'],
    ],
    ['VendorRebound', row, { ...row, ghlContactId: 'other', phone: '+2' }, ['ghl_contact_id', 'phone']],
    ['VendorReclassified', row, { ...row, reclassifiedAs: 'staff' }, ['reclassified_as']],
    ['VendorUpdated', { ...row, ghlContactId: null }, { ...row, ghlContactId: 'c9' }, ['ghl_contact_id']],
    ['VendorRestored', { ...row, status: rules.inactiveStatus }, row, ['status']],
  ])('tells %s with the fields that changed, and no others', async (name, before, after, fields) => {
    const [event] = await told(before, after);
    expect(event?.type).toBe(`crm.lifecycle.v1.${name}`);
    expect(event?.value.changes.map(({ field }) => field).sort()).toEqual([...fields].sort());
  });

  it('a withdrawn row ends in nothing', async () => {
    const [event] = await told(row, undefined);
    expect(event?.type).toBe('crm.lifecycle.v1.VendorWithdrawn');
    expect(event?.value.changes.every(({ after }) => after === null)).toBe(true);
  });

  it('tells nothing of a newer version of the same content', async () => {
    const observed = vendorObserved({ dateUpdated: 900 });
    const context = { rules, id: 'v', grantUserId: true };
    const { row: born } = evolveVendor(undefined, observed, context);
    const { row: again } = evolveVendor(born, { ...observed, dateUpdated: 901 }, context);
    expect(again).not.toBe(born);
    expect(await told(born, again)).toEqual([]);
  });

  it('tells once of a row that is written in steps, and not at all of one that ends as it began', async () => {
    const log = createChangeLog(rules);
    const step = { ...row, ghlUserId: null, phone: '+2' };
    log.note(VENDORS, { before: row, after: step, version: 2, cause: CAUSE });
    log.note(VENDORS, { before: step, after: { ...step, ghlUserId: 'u2' }, version: 3, cause: CAUSE });
    const lead = leadRow();
    log.note(LEADS, { before: lead, after: { ...lead, customerPhone: '+9' }, version: 2, cause: CAUSE });
    log.note(LEADS, { before: { ...lead, customerPhone: '+9' }, after: lead, version: 3, cause: CAUSE });
    const events = await published(log);
    expect(events.map(({ type, value }) => [type, value.version])).toEqual([['crm.lifecycle.v1.VendorUpdated', 3]]);
    expect(events[0]!.value.changes.map(({ field }) => field)).toEqual(['phone', 'ghl_user_id']);
    expect(await published(log)).toEqual([]);
  });

  it('repeats its ids for the same cause, and has others for another', async () => {
    const next = { ...row, phone: '+2' };
    const id = async (eventId: string) => (await told(row, next, { ...CAUSE, eventId }))[0]!.eventId;
    expect(await id('cause-1')).toBe(await id('cause-1'));
    expect(await id('cause-1')).not.toBe(await id('cause-2'));
  });

  it('tells of a birth by the line it was copied with as it would without', async () => {
    const cause = { ...CAUSE, eventId: 'with\ttab' };
    const born = vendorRow({
      name: 'Ann\t"O\\Hara"\n',
      phone: null,
      serviceCategories: ['a', 'b "c"'],
      lastLeadAssigned: Date.UTC(2026, 0, 2),
      takingNewWork: false,
    });
    const line = `${VENDORS.columns.map(({ property, kind }) => copyCell(born[property], kind)).join('\t')}\t1\tshown\n`;
    const tell = async (more: { line?: string }) => {
      const log = createChangeLog(rules);
      for (const id of ['1', '2'])
        log.note(VENDORS, { before: undefined, after: { ...born, id }, version: 1, cause, ...more });
      return published(log);
    };
    const [with1] = await tell({ line: line.replace(/^[^\t]*/, '1') });
    const [without1, without2] = await tell({});
    expect(with1).toEqual(without1);
    expect(without2?.value.entityId).toBe('2');
  });

  it('tells of a birth that is changed in its own transaction as it ends', async () => {
    const log = createChangeLog(rules);
    log.note(VENDORS, { before: undefined, after: row, version: 1, cause: CAUSE, line: 'as born' });
    log.note(VENDORS, { before: row, after: { ...row, phone: '+3' }, version: 2, cause: CAUSE });
    const [event] = await published(log);
    expect(event).toMatchObject({ type: 'crm.lifecycle.v1.VendorCreated', value: { version: 2 } });
    expect(event?.value.changes).toContainEqual({ field: 'phone', before: null, after: '"+3"' });
  });

  it('names columns that no rule touches', async () => {
    const log = createChangeLog(rules);
    const lead = leadRow();
    log.note(LEADS, { before: lead, after: lead, version: 2, cause: CAUSE, also: { priority: [null, 'high'] } });
    const [event] = await published(log);
    expect(event?.value.changes).toEqual([{ field: 'priority', before: null, after: '"high"' }]);
  });

  it('has room for the longest values, told by their beginnings, and tells all others as they are', async () => {
    const long = '"'.repeat(3 * 1024 * 1024);
    const list = Array.from({ length: 300_000 }, (_, index) => String(10_000 + index));
    const half = `${'a'.repeat(8_191)}😀${'b'.repeat(3 * 1024 * 1024)}`;
    const [event] = await told(row, { ...row, name: long, companyName: half, phone: '+2', serviceCategories: list });
    const after = Object.fromEntries(event!.value.changes.map(({ field, after: text }) => [field, JSON.parse(text!)]));
    expect(after).toEqual({
      name: `${'"'.repeat(8_192)}… (3145728 characters)`,
      company_name: `${'a'.repeat(8_191)}\uFFFD… (${half.length} characters)`,
      phone: '+2',
      service_categories: expect.stringMatching(/^\["10000".* \(\d+ characters\)$/),
    });
    const [zips] = await told(row, { ...row, serviceCategories: list });
    expect(zips!.value.changes[0]!.after).toBe(JSON.stringify(list));
  });

  it('is small enough for its topic, whatever a row holds', async () => {
    const full = Object.fromEntries(VENDORS.columns.map(({ column }) => [column, ['\u0001'.repeat(40_000), '"€']]));
    const [change] = storedChanges(
      JSON.stringify([
        { e: 'Vendor', n: 'Updated', id: 'v', v: 2, a: 'L', g: 'c', k: 'observation', c: 'c', s: null, t: 1, f: full },
      ]),
    );
    const [event] = lifecycleEvents([change!]);
    expect(readerOf(event!.type).toBuffer(event!.value).length).toBeLessThan(MAX_RECORD_BYTES / 2);
  });

  it('tells nobody of what is rolled back or rebuilt', async () => {
    UNTOLD.note(VENDORS, { before: row, after: undefined, version: 2, cause: CAUSE });
    expect(await published(UNTOLD)).toEqual([]);
  });
});
