import { CONTACT_FIELDS, LIFE_FIELDS } from '#libs/domain/src/salesforce/fields.ts';
import type { FieldSelection } from '../kit/ports.ts';
import type { DescribedField } from './client.ts';

/** Types whose values cannot stand in a CSV cell, or in a bulk query at all. */
const COMPOUND = new Set(['address', 'location', 'base64']);

/**
 * Selects what is both wanted and visible: one hidden field would make Salesforce refuse the whole query. Tells how the org differs
 * from the field map (salesforce W5).
 */
export function selectFields(
  described: readonly DescribedField[],
  extra: readonly string[] | 'custom',
): FieldSelection {
  const visible = new Map(described.map((field) => [field.name, field]));
  const mapped = new Set(CONTACT_FIELDS.map(({ api }) => api));
  const isReadable = (name: string): boolean => visible.has(name) && !COMPOUND.has(visible.get(name)!.type);
  const custom = [...visible.keys()].filter((name) => /__[cs]$/.test(name) && !mapped.has(name) && isReadable(name));
  const more = extra === 'custom' ? custom : extra;
  const read = [...new Set([...mapped, ...LIFE_FIELDS, ...more])].filter(isReadable);
  return {
    read,
    missing: [...mapped].filter((name) => !visible.has(name)),
    changed: CONTACT_FIELDS.flatMap(({ api, type, length }) => {
      const field = visible.get(api);
      if (field === undefined || (field.type === type && (length === null || field.length <= length))) return [];
      return [{ field: api, was: text(type, length ?? 0), is: text(field.type, field.length) }];
    }),
    unmapped: custom.filter((name) => !read.includes(name)),
    unreadable: more.filter((name) => !isReadable(name)),
  };
}

const text = (type: string, length: number): string => (length === 0 ? type : `${type}(${length})`);
