import { describe, expect, it } from '@jest/globals';
import { leadImport, vendorImport } from './import.ts';

describe('import of CSV lines (rules-ghl section 7)', () => {
  it('columns are named as in the table, any subset, in any order; empty cells are null', () => {
    const reader = vendorImport(['email', ' Name ', 'id']);
    expect(reader.unknownColumns).toEqual([]);
    const { fields, errors } = reader.read([' Ann@X.com ', ' Ann ', 'v1']);
    expect(errors).toEqual([]);
    expect(fields).toMatchObject({
      id: 'v1',
      name: 'Ann',
      email: 'ann@x.com',
      phone: null,
      status: null,
      serviceCategories: null,
    });
    expect(reader.read(['', '']).fields).toMatchObject({ id: null, name: null, email: null });
  });

  it('unknown and repeated columns are reported and not read; columns that syncs write are not unknown', () => {
    const header = ['\uFEFFname', 'nmae', 'account_id', 'previous_status', 'name'];
    const reader = vendorImport(header);
    expect(reader.unknownColumns).toEqual(['nmae', 'name']);
    expect(reader.read(['Ann', 'x', 'y', 'z', 'Other']).fields.name).toBe('Ann');
  });

  it.each([
    ['lists as JSON', 'service_categories', '["a, b", " c "]', 'serviceCategories', ['a, b', 'c']],
    ['lists comma-separated', 'service_categories', 'a, b,,a', 'serviceCategories', ['a', 'b']],
    ['an empty list', 'service_categories', '[]', 'serviceCategories', []],
    ['dates', 'created_at', '2024-03-01 00:00:00', 'createdAt', Date.UTC(2024, 2, 1)],
    [
      'instants of a PostgreSQL export',
      'updated_at',
      '2024-03-01 02:00:00.5+02',
      'updatedAt',
      Date.UTC(2024, 2, 1) + 500,
    ],
    ['percentages', 'lead_close_percentage', '45%', 'leadClosePercentage', 45],
    ['booleans', 'taking_new_work', 'No', 'takingNewWork', false],
    ['booleans of a PostgreSQL export', 'taking_new_work', 't', 'takingNewWork', true],
    ['text without NUL', 'phone', '1\0', 'phone', '1'],
  ])('vendors: %s', (_, column, cell, property, value) => {
    const { fields, errors } = vendorImport([column]).read([cell]);
    expect(errors).toEqual([]);
    expect(fields).toMatchObject({ [property]: value });
  });

  it.each([
    ['source', 'web', 'origSource', 'web'],
    ['customer_email', ' A@B ', 'customerEmail', 'a@b'],
    ['service_details', '{"a":1}', 'serviceDetails', '{"a":1}'],
    ['requires_emergency_response', '0', 'requiresEmergencyResponse', false],
    ['estimated_value', '12.5', 'estimatedValue', 12.5],
    ['specific_services', 'a,b', 'specificServices', ['a', 'b']],
  ])('leads: %s', (column, cell, property, value) => {
    expect(leadImport([column]).read([cell])).toMatchObject({ fields: { [property]: value }, errors: [] });
  });

  it.each([
    ['lead_close_percentage', 'many', 'not_a_number'],
    ['created_at', '2024-02-30', 'not_a_date'],
    ['taking_new_work', 'maybe', 'not_yes_or_no'],
    ['service_categories', '["a"', 'not_a_list'],
    ['service_categories', '[{}]', 'not_a_list'],
  ])('a wrong cell in %s is a line error: %s', (column, cell, code) => {
    expect(vendorImport([column]).read([cell]).errors).toEqual([{ column, code }]);
  });

  it('leads: wrong JSON and too many cells are line errors', () => {
    expect(leadImport(['service_details']).read(['{']).errors).toEqual([
      { column: 'service_details', code: 'not_json' },
    ]);
    expect(leadImport(['id']).read(['1', '2']).errors).toEqual([{ column: '', code: 'too_many_cells' }]);
  });
});
