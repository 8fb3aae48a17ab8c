import { fail } from './answers.ts';

/** What a key of a request may hold. */
export interface Rule {
  type: 'string' | 'number' | 'boolean' | 'object' | 'list' | 'strings' | 'objects';
  required?: true;
  /** Null clears the field. */
  nullable?: true;
  min?: number;
  max?: number;
  /** Characters of a string at most. */
  length?: number;
  oneOf?: readonly string[];
}

/** The keys that a route knows. */
export type Dto = Readonly<Record<string, Rule>>;

/** Checks a body as the real API does: 422 with every fault at once, the keys it does not know first (ghl section 4). */
export function checkBody(body: unknown, dto: Dto, alsoWrong: readonly string[] = []): Record<string, unknown> {
  const given = (body ?? {}) as Record<string, unknown>;
  const faults = Object.keys(given)
    .filter((key) => !(key in dto))
    .map((key) => `property ${key} should not exist`);
  for (const [key, rule] of Object.entries(dto)) faults.push(...faultsOf(key, given[key], rule));
  faults.push(...alsoWrong);
  if (faults.length > 0) throw fail(422, faults);
  return given;
}

function faultsOf(key: string, value: unknown, rule: Rule): string[] {
  if (value === undefined && rule.required !== true) return [];
  if (value === null && rule.nullable === true) return [];
  switch (rule.type) {
    case 'string':
      return stringFaults(key, value, rule);
    case 'number':
      return numberFaults(key, value, rule);
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`${key} must be a boolean value`];
    case 'object':
      return isObject(value) ? [] : [`${key} must be an object`];
    case 'list':
      return Array.isArray(value) ? [] : [`${key} must be an array`];
    case 'strings':
      if (!Array.isArray(value)) return [`${key} must be an array`];
      return value.every((item) => typeof item === 'string') ? [] : [`each value in ${key} must be a string`];
    case 'objects':
      if (!Array.isArray(value)) return [`${key} must be an array`];
      return value.every(isObject) ? [] : [`each value in ${key} must be an object`];
  }
}

function stringFaults(key: string, value: unknown, { length, oneOf }: Rule): string[] {
  if (typeof value !== 'string') return [`${key} must be a string`];
  if (length !== undefined && value.length > length)
    return [`${key} must be shorter than or equal to ${length} characters`];
  if (oneOf !== undefined && !oneOf.includes(value))
    return [`${key} must be one of the following values: ${oneOf.join(', ')}`];
  return [];
}

function numberFaults(key: string, value: unknown, { min, max }: Rule): string[] {
  if (typeof value !== 'number' || Number.isNaN(value))
    return [`${key} must be a number conforming to the specified constraints`];
  if (min !== undefined && value < min) return [`${key} must not be less than ${min}`];
  if (max !== undefined && value > max) return [`${key} must not be greater than ${max}`];
  return [];
}

const isObject = (value: unknown): boolean => value !== null && typeof value === 'object' && !Array.isArray(value);

/** Checks a query string, whose numbers and booleans are text. Returns them as what they are. */
export function checkQuery(query: unknown, dto: Dto): Record<string, unknown> {
  const typed = Object.entries(query as Record<string, unknown>).map(([key, value]) => {
    if (dto[key]?.type === 'number') return [key, value === '' ? Number.NaN : Number(value)];
    if (dto[key]?.type === 'boolean') return [key, value === 'true' ? true : value === 'false' ? false : value];
    return [key, value];
  });
  return checkBody(Object.fromEntries(typed), dto);
}
