import type { ContactDeleted, ContactUnusable, SalesforceContactRead } from '#libs/contracts/src/generated/events.ts';
import type { ConsumedEvent } from '#libs/kafka/src/processor.ts';
import { AppError } from '#libs/runtime/src/errors.ts';

/** A record that makes no row, and the column it was refused for. */
class Refusal extends AppError {
  readonly fault: { field: string; code: string };

  constructor(code: 'record_invalid' | 'record_too_large', message: string, field: string, fault: string = code) {
    super(code, message);
    this.fault = { field, code: fault };
  }
}

/** Which column a record was put aside for, and why; the whole record where the reason names none. */
export function faultOf(error: AppError): { field: string; code: string } {
  return error instanceof Refusal ? error.fault : { field: 'record', code: error.code };
}

const REASONS: ReadonlySet<string> = new Set(['deleted', 'merged', 'not_visible']);

/**
 * Why a record can make no row whatever is stored: it is quarantined with this reason, as it came (salesforce W12). Undefined for
 * a record that can. The reason names no values.
 */
export function refusalOf({ type, value }: Pick<ConsumedEvent, 'type' | 'value'>): AppError | undefined {
  if (type === 'crm.raw.salesforce.v1.ContactUnusable') {
    const { code } = value as ContactUnusable;
    return code === 'record_too_large'
      ? new Refusal('record_too_large', 'the row of the contact is too large for an event', 'additional_data')
      : new Refusal('record_invalid', 'the row names no contact', 'salesforce_id');
  }
  if (type === 'crm.raw.salesforce.v1.ContactDeleted') {
    if (REASONS.has((value as ContactDeleted).reason)) return undefined;
    return new Refusal('record_invalid', 'the contact was deleted for a reason nobody knows', 'deletion_reason');
  }
  if (type !== 'crm.raw.salesforce.v1.ContactRead') return undefined;
  return isNameless(value as SalesforceContactRead)
    ? new Refusal('record_invalid', 'the contact has no LastName', 'last_name', 'required')
    : undefined;
}

/** A last name that was not read, or refused for what it is, is not known to be absent: the row keeps the one it has. */
function isNameless({ lastName, unreadFields, fieldErrors }: SalesforceContactRead): boolean {
  const isKept =
    unreadFields.includes('lastName') ||
    fieldErrors.some(({ field, code }) => field === 'lastName' && code !== 'required' && code !== 'nul_removed');
  return lastName === null && !isKept;
}
