import { describe, expect, it } from '@jest/globals';
import { parseCsv } from './csv-file.ts';

const read = (text: string): string[] =>
  parseCsv(Buffer.from(text), 'f.csv').map(({ line, cells }) => `${line} ${JSON.stringify(cells)}`);

describe('a CSV file', () => {
  it.each(['\n', '\r\n', '\r'])(
    'numbers its lines as an editor does, whatever is empty or holds line breaks: %j',
    (newline) => {
      const lines = ['a,b', '1,2', '', '', '"x', 'y",3', '4,5', '', '6,7'];
      expect(read(lines.join(newline))).toEqual([
        '1 ["a","b"]',
        '2 ["1","2"]',
        `5 ${JSON.stringify([`x${newline}y`, '3'])}`,
        '7 ["4","5"]',
        '9 ["6","7"]',
      ]);
    },
  );

  it('may begin with a byte order mark', () => {
    expect(read('\uFEFFname\nJosé Muñoz\n')).toEqual(['1 ["name"]', '2 ["José Muñoz"]']);
  });

  it.each<[string, Buffer]>([
    ['Windows-1252', Buffer.from('name\nJosé Muñoz\n', 'latin1')],
    ['UTF-16', Buffer.from('\uFEFFname\nJosé\n', 'utf16le')],
  ])('in %s is refused, and says what to do', (_, bytes) => {
    expect(() => parseCsv(bytes, 'f.csv')).toThrow(/f\.csv is not UTF-8 text.*CSV UTF-8/);
  });

  it('that is none is refused', () => {
    expect(() => read('a\n"b')).toThrow(/f\.csv is no CSV file/);
  });
});
