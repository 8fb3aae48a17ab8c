import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyText } from '#libs/domain/src/text.fixture.ts';
import { cellText, copyCell, timestampText, type CellValue } from './copy.ts';
import type { ColumnKind } from './columns.ts';

describe('a cell of COPY', () => {
  it.each<[CellValue, ColumnKind, string]>([
    [null, 'text', '\\N'],
    [undefined, 'number', '\\N'],
    ['', 'text', ''],
    ['\\N', 'text', '\\\\N'],
    ['a\tb\nc\rd\\', 'text', 'a\\tb\\nc\\rd\\\\'],
    [['with "quote"', 'tab\t'], 'list', '["with \\\\"quote\\\\"","tab\\\\t"]'],
    [[], 'list', '[]'],
    [12.5, 'number', '12.5'],
    [false, 'boolean', 'false'],
    [0, 'time', '1970-01-01T00:00:00.000Z'],
  ])('of %j as %s is %j', (value, kind, cell) => {
    expect(copyCell(value, kind)).toBe(cell);
  });

  it('gives any text back, in one line and one cell', () => {
    fc.assert(
      fc.property(anyText(), (text) => {
        const cell = copyCell(text, 'text');
        expect(cell).not.toMatch(/[\t\n\r]/);
        expect(cellText(cell)).toBe(text);
      }),
    );
  });

  it.each([
    [Date.UTC(2026, 10, 25), '2026-11-25T00:00:00.000Z'],
    [-62_000_000_000_000, '0005-04-19T09:46:40.000Z'],
    [Date.UTC(12_026, 0, 1), '12026-01-01T00:00:00.000Z'],
    [Date.parse('0000-03-01T00:00:00Z'), '0001-03-01T00:00:00.000Z BC'],
    [Date.parse('-000043-03-15T00:00:00Z'), '0044-03-15T00:00:00.000Z BC'],
  ])('of the time %d is %s', (ms, text) => {
    expect(timestampText(ms)).toBe(text);
  });
});
