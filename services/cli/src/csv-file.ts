import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { AppError } from '#libs/runtime/src/errors.ts';

/** One line of a CSV file; a cell may hold line breaks. */
export interface CsvLine {
  /** The line of the file on which it begins, from 1 on. */
  line: number;
  cells: string[];
}

/** Reads a CSV file, empty lines left out; config_invalid when it cannot be read, is no CSV, or is not UTF-8. */
export function readCsv(file: string): CsvLine[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new AppError('config_invalid', `${file} cannot be read`, { cause: error });
  }
  return parseCsv(bytes, file);
}

/** The lines of a CSV file from its bytes. */
export function parseCsv(bytes: Uint8Array, file: string): CsvLine[] {
  const text = decode(bytes, file);
  try {
    const options = { relax_column_count: true, skip_empty_lines: true, raw: true };
    return withLines(parse(text, options) as unknown as RawRecord[]);
  } catch (error) {
    throw new AppError('config_invalid', `${file} is no CSV file: ${(error as Error).message}`, { cause: error });
  }
}

/** Throws rather than guesses: what is read as the wrong characters is wrong for ever. */
function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const hint = 'save it as UTF-8 (Excel: "CSV UTF-8 (Comma delimited)")';
    throw new AppError('config_invalid', `${file} is not UTF-8 text, nothing was imported: ${hint}`, { cause: error });
  }
}

interface RawRecord {
  record: string[];
  /** Its text, after the empty lines before it. */
  raw: string;
}

function withLines(records: readonly RawRecord[]): CsvLine[] {
  let next = 1;
  return records.map(({ record, raw }) => {
    const line = next + lineBreaks(/^[\r\n]*/.exec(raw)![0]);
    next += lineBreaks(raw);
    return { line, cells: record };
  });
}

function lineBreaks(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}
