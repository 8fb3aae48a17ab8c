import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { anyText } from '#libs/domain/src/text.fixture.ts';
import { createCsvReader, MalformedCsv } from './csv.ts';

/** Reads a text that arrives in pieces cut at these bytes. */
function read(text: string, cuts: readonly number[] = []): string[][] {
  const bytes = Buffer.from(text);
  const reader = createCsvReader();
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return [...edges.slice(1).flatMap((edge, at) => reader.push(bytes.subarray(edges[at], edge))), ...reader.end()];
}

describe('CSV', () => {
  it.each<[string, string[][]]>([
    ['', []],
    ['"Id","Name"\n', [['Id', 'Name']]],
    [
      '"a","b"\n"c","d"',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      '"a","b"\r\n"c","d"\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['"","",""\n', [['', '', '']]],
    [',\n', [['', '']]],
    ['"two\nlines","say ""hi"""\n', [['two\nlines', 'say "hi"']]],
    ['"""",","\n', [['"', ',']]],
    ['plain,"quoted"\n', [['plain', 'quoted']]],
    ['"nu\u0000l"\n', [['nu\u0000l']]],
    ['\ufeff"Id"\n', [['Id']]],
    ['"王😀"\n', [['王😀']]],
  ])('%j', (text, rows) => expect(read(text)).toEqual(rows));

  it.each(['"broken', '"a"b\n', 'a"b\n', '"a","b', '"a"\r"b"\n'])('%j is malformed', (text) =>
    expect(() => read(text)).toThrow(MalformedCsv),
  );

  it('is read as csv-parse reads it, wherever it is cut', () => {
    const cell = fc.oneof(
      anyText(),
      fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', 'é', '😀', '\u0000') }),
    );
    const quoted = cell.map((text) => `"${text.replaceAll('"', '""')}"`);
    const plain = fc.string({ unit: fc.constantFrom('a', ' ', ';', '1', 'ü') });
    const row = fc.array(fc.oneof(quoted, plain), { minLength: 2, maxLength: 5 }).map((cells) => cells.join(','));
    const table = fc.tuple(fc.array(row, { minLength: 1, maxLength: 8 }), fc.constantFrom('\n', '\r\n'), fc.boolean());
    fc.assert(
      fc.property(table, fc.array(fc.nat(500)), ([rows, lineEnd, ends], cuts) => {
        const text = rows.join(lineEnd) + (ends ? lineEnd : '');
        // What cannot be written in UTF-8 does not come over the wire either.
        const wire = Buffer.from(text).toString();
        const expected = parse(wire, { relax_column_count: true, record_delimiter: lineEnd });
        expect(read(wire, cuts)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});
