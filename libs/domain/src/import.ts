import type { LeadRegistered, VendorRegistered } from '#libs/contracts/src/generated/events.ts';
import { normalizeEmail, parseDate } from './reading.ts';

/** One usable line of an imported file. `value.id` is empty when the file gives none. */
export interface ImportLine {
  /** Line of the file, the header being 1. */
  line: number;
  value: VendorRegistered | LeadRegistered;
}

/** What is wrong with a cell; the rest of the file goes in. */
export interface ImportError {
  line: number;
  column: string;
  reason: string;
}

type Kind = 'text' | 'email' | 'list' | 'number' | 'time' | 'yesno' | 'json' | 'ignored';

/** Columns of vendors (rules-ghl section 7: named as in the table), with the field of the event each one fills. */
const VENDOR_COLUMNS: Record<string, [keyof VendorRegistered | '', Kind]> = {
  id: ['id', 'text'],
  account_id: ['', 'ignored'],
  name: ['name', 'text'],
  company_name: ['companyName', 'text'],
  email: ['email', 'email'],
  phone: ['phone', 'text'],
  ghl_contact_id: ['ghlContactId', 'text'],
  ghl_user_id: ['ghlUserId', 'text'],
  service_categories: ['serviceCategories', 'list'],
  services_offered: ['servicesOffered', 'list'],
  service_zip_codes: ['serviceZipCodes', 'text'],
  coverage_type: ['coverageType', 'text'],
  coverage_states: ['coverageStates', 'list'],
  coverage_counties: ['coverageCounties', 'list'],
  last_lead_assigned: ['lastLeadAssigned', 'time'],
  lead_close_percentage: ['leadClosePercentage', 'number'],
  status: ['status', 'text'],
  taking_new_work: ['takingNewWork', 'yesno'],
  primary_service_category: ['primaryServiceCategory', 'text'],
  created_at: ['createdAt', 'time'],
  updated_at: ['updatedAt', 'time'],
};

const LEAD_COLUMNS: Record<string, [keyof LeadRegistered | '', Kind]> = {
  id: ['id', 'text'],
  account_id: ['', 'ignored'],
  vendor_id: ['vendorId', 'text'],
  ghl_contact_id: ['ghlContactId', 'text'],
  ghl_opportunity_id: ['ghlOpportunityId', 'text'],
  service_category: ['serviceCategory', 'text'],
  customer_name: ['customerName', 'text'],
  customer_email: ['customerEmail', 'email'],
  customer_phone: ['customerPhone', 'text'],
  service_details: ['serviceDetails', 'json'],
  estimated_value: ['estimatedValue', 'number'],
  priority_score: ['priorityScore', 'number'],
  priority: ['priority', 'text'],
  source: ['origSource', 'text'],
  status: ['status', 'text'],
  primary_service_category: ['primaryServiceCategory', 'text'],
  specific_service_requested: ['specificServiceRequested', 'text'],
  customer_zip_code: ['customerZipCode', 'text'],
  service_zip_code: ['serviceZipCode', 'text'],
  service_county: ['serviceCounty', 'text'],
  service_state: ['serviceState', 'text'],
  service_city: ['serviceCity', 'text'],
  service_complexity: ['serviceComplexity', 'text'],
  estimated_duration: ['estimatedDuration', 'text'],
  requires_emergency_response: ['requiresEmergencyResponse', 'yesno'],
  classification_confidence: ['classificationConfidence', 'number'],
  classification_reasoning: ['classificationReasoning', 'text'],
  assigned_at: ['assignedAt', 'time'],
  specific_services: ['specificServices', 'list'],
  created_at: ['createdAt', 'time'],
  updated_at: ['updatedAt', 'time'],
};

/** What every line of one import shares. */
export interface ImportContext {
  account: string;
  importId: string;
  /** Milliseconds. */
  registeredAt: number;
}

/**
 * Reads the records of a CSV file, the header first. A header with an unknown or repeated column refuses the file, naming the
 * columns there are; a wrong cell refuses its line only.
 */
export function readImportFile(table: 'vendors' | 'leads', records: readonly (readonly string[])[], context: ImportContext): { lines: ImportLine[]; errors: ImportError[] } {
  const columns: Record<string, [string, Kind]> = table === 'vendors' ? VENDOR_COLUMNS : LEAD_COLUMNS;
  const header = (records[0] ?? []).map((name) => name.trim().toLowerCase());
  const faults = headerFaults(header, columns);
  if (faults.length > 0) return { lines: [], errors: faults };
  const lines: ImportLine[] = [];
  const errors: ImportError[] = [];
  for (const [index, record] of records.slice(1).entries()) {
    const line = index + 2;
    const result = readRecord(header, record, columns);
    if (result.errors.length > 0) errors.push(...result.errors.map((error) => ({ line, ...error })));
    else lines.push({ line, value: { ...blank(columns), ...result.values, ...base(context, line) } as unknown as VendorRegistered | LeadRegistered });
  }
  return { lines, errors };
}

function base({ account, importId, registeredAt }: ImportContext, line: number): Record<string, unknown> {
  return { account, importId, registeredAt, line, origin: 'import' };
}

function blank(columns: Record<string, [string, Kind]>): Record<string, unknown> {
  const fields = Object.values(columns).flatMap(([field]) => (field === '' ? [] : [[field, field === 'id' ? '' : null] as const]));
  return Object.fromEntries(fields);
}

function headerFaults(header: string[], columns: Record<string, [string, Kind]>): ImportError[] {
  const known = Object.keys(columns).join(', ');
  if (header.length === 0 || header.every((name) => name === '')) return [{ line: 1, column: '', reason: `the file has no header; its columns may be ${known}` }];
  return header.flatMap((column, index) => {
    if (!Object.hasOwn(columns, column)) return [{ line: 1, column, reason: `no such column; there are ${known}` }];
    return header.indexOf(column) < index ? [{ line: 1, column, reason: 'the column is there twice' }] : [];
  });
}

function readRecord(header: string[], record: readonly string[], columns: Record<string, [string, Kind]>): { values: Record<string, unknown>; errors: Omit<ImportError, 'line'>[] } {
  const values: Record<string, unknown> = {};
  const errors: Omit<ImportError, 'line'>[] = [];
  if (record.length > header.length) errors.push({ column: '', reason: `the line has ${record.length} cells, the header ${header.length}` });
  for (const [index, column] of header.entries()) {
    const [field, kind] = columns[column] ?? ['', 'ignored'];
    const cell = (record[index] ?? '').replaceAll('\u0000', '').trim();
    if (field === '' || cell === '') continue;
    const value = readCell(cell, kind);
    if (value === undefined) errors.push({ column, reason: REASONS[kind] ?? 'cannot be read' });
    else values[field] = value;
  }
  return { values, errors };
}

const REASONS: Partial<Record<Kind, string>> = {
  number: 'is not a number',
  time: 'is not a date (YYYY-MM-DD, or an ISO instant)',
  yesno: 'is not true or false (yes, no, 1, 0)',
  json: 'is not JSON',
  list: 'is not a JSON list of texts',
};

function readCell(cell: string, kind: Kind): unknown {
  switch (kind) {
    case 'email':
      return normalizeEmail(cell) ?? undefined;
    case 'number':
      return Number.isFinite(Number(cell)) ? Number(cell) : undefined;
    case 'time':
      return parseDate(cell);
    case 'yesno':
      return readYesNoCell(cell);
    case 'json':
      return isJson(cell) ? cell : undefined;
    case 'list':
      return readListCell(cell);
    case 'text':
    case 'ignored':
      return cell;
  }
}

function readYesNoCell(cell: string): boolean | undefined {
  const text = cell.toLowerCase();
  if (['yes', 'true', '1', 't', 'y'].includes(text)) return true;
  return ['no', 'false', '0', 'f', 'n'].includes(text) ? false : undefined;
}

function isJson(cell: string): boolean {
  try {
    JSON.parse(cell);
    return true;
  } catch {
    return false;
  }
}

function readListCell(cell: string): string[] | undefined {
  if (!cell.startsWith('[')) return itemsOf(cell.split(','));
  if (!isJson(cell)) return undefined;
  const items = JSON.parse(cell) as unknown[];
  return items.every((item) => typeof item === 'string' || typeof item === 'number') ? itemsOf(items.map(String)) : undefined;
}

function itemsOf(items: string[]): string[] {
  return items.map((item) => item.trim()).filter((item) => item !== '');
}
