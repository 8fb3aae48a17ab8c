import { CONTACT_FIELDS, LIFE_FIELDS } from '#libs/domain/src/salesforce/fields.ts';
import type { DescribedField } from './client.ts';

/** How the org differs from the field map (salesforce W5). */
export interface Drift {
  /** Mapped fields that the login user does not see. */
  missing: string[];
  /** Mapped fields of another type, or longer than their column. */
  changed: { api: string; was: string; is: string }[];
  /** Custom fields that nobody mapped. */
  unmapped: string[];
}

/** What is asked for: wanted and visible. */
export interface Selection {
  fields: string[];
  drift: Drift;
}

/** Types whose values cannot stand in a CSV cell, or in a bulk query at all. */
const COMPOUND = new Set(['address', 'location', 'base64']);

/** Selects what is both wanted and visible: one hidden field would make Salesforce refuse the whole query. */
export function selectFields(
  described: readonly DescribedField[],
  extra: readonly string[] | 'custom' = [],
): Selection {
  const visible = new Map(described.map((field) => [field.name, field]));
  const mapped = new Set(CONTACT_FIELDS.map(({ api }) => api));
  const unmapped = described.filter(
    ({ name, type }) => /__[cs]$/.test(name) && !mapped.has(name) && !COMPOUND.has(type),
  );
  const more = extra === 'custom' ? unmapped.map(({ name }) => name) : extra;
  const wanted = [...new Set([...mapped, ...LIFE_FIELDS, ...more])];
  return {
    fields: wanted.filter((name) => visible.has(name) && !COMPOUND.has(visible.get(name)!.type)),
    drift: {
      missing: [...mapped].filter((name) => !visible.has(name)),
      changed: CONTACT_FIELDS.flatMap(({ api, type, length }) => {
        const field = visible.get(api);
        if (field === undefined || (field.type === type && (length === null || field.length <= length))) return [];
        return [{ api, was: text(type, length ?? 0), is: text(field.type, field.length) }];
      }),
      unmapped: unmapped.map(({ name }) => name),
    },
  };
}

const text = (type: string, length: number): string => (length === 0 ? type : `${type}(${length})`);
