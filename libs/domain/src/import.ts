import type { LeadRegistered, VendorRegistered } from '#libs/contracts/src/generated/events.ts';
import { normalizeEmail, parseDate, parseNumber, parseYesNo } from './reading.ts';

/** What a registration says of itself, not of the row: given by whoever imports. */
type Envelope = 'account' | 'registeredAt' | 'origin' | 'line' | 'importId';

/** The fields of a vendor that a line of a CSV file gives; an empty or absent cell is null, the id too. */
export type VendorFields = Omit<VendorRegistered, Envelope | 'id'> & { id: string | null };

/** The fields of a lead that a line of a CSV file gives; an empty or absent cell is null, the id too. */
export type LeadFields = Omit<LeadRegistered, Envelope | 'id'> & { id: string | null };

/** Why a cell, or a line, cannot be used (closed list). */
export type CellErrorCode =
  'not_a_number' | 'not_a_date' | 'not_yes_or_no' | 'not_a_list' | 'not_json' | 'too_many_cells';

/** A cell that cannot be used; its line is left out and reported (rules-ghl section 7). */
export interface CellError {
  /** Column of the file; empty when the line as a whole is wrong. */
  column: string;
  code: CellErrorCode;
}

/** Reads the lines of one file, whose header is known. */
export interface ImportReader<Fields> {
  /** Columns of the header that the table does not have, and repeated ones: they are not read. */
  unknownColumns: string[];
  /** Reads the cells of one line. A line with errors is not to be registered: half of it would then only be merged. */
  read(cells: readonly string[]): { fields: Fields; errors: CellError[] };
}

type Parsed<T> = { value: T } | { error: CellErrorCode };
type Parser<T> = (cell: string) => Parsed<T>;
type Layout<Fields> = { [P in keyof Fields]-?: [column: string, parser: Parser<NonNullable<Fields[P]>>] };

/** Columns of the tables that a file may bring back, and that only syncs write. */
const OWN_COLUMNS: readonly string[] = [
  'account_id',
  'previous_status',
  'missing_since',
  'reclassified_as',
  'reclassified_at',
  'source_updated_at',
  'born_at',
  'born_scan',
  'row_version',
];

const text: Parser<string> = (cell) => ({ value: cell });
const email: Parser<string> = (cell) => ({ value: normalizeEmail(cell) ?? '' });
const number: Parser<number> = (cell) => valueOr(parseNumber(cell), 'not_a_number');
const percentage: Parser<number> = (cell) => number(cell.replaceAll('%', ''));
const date: Parser<number> = (cell) => valueOr(parseDate(cell), 'not_a_date');
const yesOrNo: Parser<boolean> = (cell) => valueOr(parseYesNo(expanded(cell)), 'not_yes_or_no');
const list: Parser<string[]> = (cell) =>
  valueOr(cell.startsWith('[') ? jsonList(cell) : trimmedItems(cell.split(',')), 'not_a_list');
const json: Parser<string> = (cell) => (parseJson(cell) === undefined ? { error: 'not_json' } : { value: cell });

const VENDOR_LAYOUT: Layout<VendorFields> = {
  id: ['id', text],
  name: ['name', text],
  companyName: ['company_name', text],
  email: ['email', email],
  phone: ['phone', text],
  ghlContactId: ['ghl_contact_id', text],
  ghlUserId: ['ghl_user_id', text],
  serviceCategories: ['service_categories', list],
  servicesOffered: ['services_offered', list],
  serviceZipCodes: ['service_zip_codes', text],
  coverageType: ['coverage_type', text],
  coverageStates: ['coverage_states', list],
  coverageCounties: ['coverage_counties', list],
  lastLeadAssigned: ['last_lead_assigned', date],
  leadClosePercentage: ['lead_close_percentage', percentage],
  status: ['status', text],
  takingNewWork: ['taking_new_work', yesOrNo],
  primaryServiceCategory: ['primary_service_category', text],
  createdAt: ['created_at', date],
  updatedAt: ['updated_at', date],
};

const LEAD_LAYOUT: Layout<LeadFields> = {
  id: ['id', text],
  vendorId: ['vendor_id', text],
  ghlContactId: ['ghl_contact_id', text],
  ghlOpportunityId: ['ghl_opportunity_id', text],
  serviceCategory: ['service_category', text],
  customerName: ['customer_name', text],
  customerEmail: ['customer_email', email],
  customerPhone: ['customer_phone', text],
  serviceDetails: ['service_details', json],
  estimatedValue: ['estimated_value', number],
  priorityScore: ['priority_score', number],
  priority: ['priority', text],
  origSource: ['source', text],
  status: ['status', text],
  primaryServiceCategory: ['primary_service_category', text],
  specificServiceRequested: ['specific_service_requested', text],
  customerZipCode: ['customer_zip_code', text],
  serviceZipCode: ['service_zip_code', text],
  serviceCounty: ['service_county', text],
  serviceState: ['service_state', text],
  serviceCity: ['service_city', text],
  serviceComplexity: ['service_complexity', text],
  estimatedDuration: ['estimated_duration', text],
  requiresEmergencyResponse: ['requires_emergency_response', yesOrNo],
  classificationConfidence: ['classification_confidence', number],
  classificationReasoning: ['classification_reasoning', text],
  assignedAt: ['assigned_at', date],
  specificServices: ['specific_services', list],
  createdAt: ['created_at', date],
  updatedAt: ['updated_at', date],
};

/** Reads vendors from a CSV file whose columns are named as in the table, any subset, in any order (rules-ghl section 7). */
export function vendorImport(header: readonly string[]): ImportReader<VendorFields> {
  return importReader(VENDOR_LAYOUT, header);
}

/** Reads leads from a CSV file whose columns are named as in the table, any subset, in any order (rules-ghl section 7). */
export function leadImport(header: readonly string[]): ImportReader<LeadFields> {
  return importReader(LEAD_LAYOUT, header);
}

function importReader<Fields>(layout: Layout<Fields>, header: readonly string[]): ImportReader<Fields> {
  const columns = header.map((name) => name.trim().toLowerCase());
  const entries = Object.entries(layout) as [keyof Fields, [string, Parser<unknown>]][];
  const known = new Set([...OWN_COLUMNS, ...entries.map(([, [column]]) => column)]);
  return {
    unknownColumns: header.filter((_, i) => !known.has(columns[i]!) || columns.indexOf(columns[i]!) !== i),
    read(cells) {
      const errors: CellError[] = cells.length > columns.length ? [{ column: '', code: 'too_many_cells' }] : [];
      const fields: Partial<Record<keyof Fields, unknown>> = {};
      for (const [property, [column, parse]] of entries) {
        const cell = cleaned(cells[columns.indexOf(column)] ?? '').trim();
        const parsed = cell === '' ? { value: null } : parse(cell);
        fields[property] = 'value' in parsed ? parsed.value : null;
        if ('error' in parsed) errors.push({ column, code: parsed.error });
      }
      return { fields: fields as Fields, errors };
    },
  };
}

function valueOr<T>(value: T | undefined, error: CellErrorCode): Parsed<T> {
  return value === undefined ? { error } : { value };
}

/** Exports of PostgreSQL write booleans as one letter. */
function expanded(cell: string): string {
  return /^t$/i.test(cell) ? 'true' : /^f$/i.test(cell) ? 'false' : cell;
}

function jsonList(cell: string): string[] | undefined {
  const value = parseJson(cell);
  if (!Array.isArray(value) || value.some((item) => typeof item === 'object' && item !== null)) return undefined;
  return trimmedItems(value.map((item) => (item === null ? '' : cleaned(String(item)))));
}

/** PostgreSQL cannot hold NUL characters. */
function cleaned(cell: string): string {
  return cell.replaceAll('\u0000', '');
}

function trimmedItems(items: readonly string[]): string[] {
  return [...new Set(items.map((item) => item.trim()).filter((item) => item !== ''))];
}

/** JSON never holds `undefined`, so that it can stand for text that is not JSON. */
function parseJson(cell: string): unknown {
  try {
    return JSON.parse(cell) as unknown;
  } catch {
    return undefined;
  }
}
