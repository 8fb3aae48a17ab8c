/**
 * Generates libs/contracts/src/generated and deploy/asyncapi.json from schemas/ and the catalogue, and checks schema evolution.
 *
 *   contracts.ts generate   write the generated files and add changed schemas to the history
 *   contracts.ts check      fail when a generated file differs or a schema breaks FULL_TRANSITIVE
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import avro from 'avsc';
import prettier from 'prettier';
import { asyncApiDocument } from '#libs/contracts/src/asyncapi.ts';
import { renderTypes, type AvroRecord } from './render-types.ts';

const ROOT = join(import.meta.dirname, '../../..');
const SCHEMAS = join(ROOT, 'schemas');
const GENERATED = join(ROOT, 'libs/contracts/src/generated');
const ASYNCAPI = join(ROOT, 'deploy/asyncapi.json');
const HISTORY = join(ROOT, 'libs/contracts/history');

/** Every schema of schemas/, sorted by full name; throws when a file's path is not its namespace and name. */
export function readSchemas(dir = SCHEMAS): AvroRecord[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.avsc'))
    .map((file) => {
      const schema = JSON.parse(readFileSync(join(dir, file), 'utf8')) as AvroRecord;
      const expected = `${fullName(schema).replaceAll('.', sep)}.avsc`;
      if (file !== expected)
        throw new Error(`schemas/${file}: its namespace and name ask for the path schemas/${expected}`);
      assertDocumented(schema, file);
      return schema;
    })
    .sort((a, b) => (fullName(a) < fullName(b) ? -1 : 1));
}

function fullName(schema: AvroRecord): string {
  return `${schema.namespace}.${schema.name}`;
}

function assertDocumented(node: unknown, file: string): void {
  if (Array.isArray(node)) return node.forEach((item) => assertDocumented(item, file));
  if (node === null || typeof node !== 'object') return;
  const { type, name, doc, fields, items, values } = node as Record<string, unknown>;
  if (name !== undefined && (typeof doc !== 'string' || doc.length === 0))
    throw new Error(`schemas/${file}: ${JSON.stringify(name)} has no doc`);
  for (const part of [type, fields, items, values]) assertDocumented(part, file);
}

/** Problems that would break a reader or a writer of any earlier version (FULL_TRANSITIVE); empty when there are none. */
export function compatibilityProblems(current: AvroRecord, history: AvroRecord[]): string[] {
  const problems: string[] = [];
  history.forEach((old, index) => {
    for (const [reader, writer, what] of [
      [current, old, 'cannot read data of'],
      [old, current, 'writes data unreadable for'],
    ] as const) {
      try {
        avro.Type.forSchema(reader as avro.Schema).createResolver(avro.Type.forSchema(writer as avro.Schema));
      } catch (error) {
        problems.push(`${fullName(current)} ${what} version ${index + 1}: ${(error as Error).message}`);
      }
    }
  });
  return problems;
}

/** Committed versions of a schema, oldest first. */
export function readHistory(name: string, dir = HISTORY): AvroRecord[] {
  const folder = join(dir, name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort((a, b) => parseInt(a, 10) - parseInt(b, 10))
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as AvroRecord);
}

async function format(text: string, file: string): Promise<string> {
  const options = await prettier.resolveConfig(join(ROOT, 'package.json'));
  return prettier.format(text, { ...options, filepath: file });
}

async function outputs(schemas: AvroRecord[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const events = join(GENERATED, 'events.ts');
  files.set(events, await format(renderTypes(schemas), events));
  const table = join(GENERATED, 'schemas.ts');
  const head = '// Generated from schemas/ by `npm run schemas:generate`. Do not edit.\n';
  const body = schemas.map((schema) => `  '${fullName(schema)}': ${JSON.stringify(schema)},`).join('\n');
  files.set(
    table,
    await format(
      `${head}\n/** Every Avro schema by full name, as registered. */\nexport const SCHEMAS = {\n${body}\n} as const;\n`,
      table,
    ),
  );
  const described = asyncApiDocument(Object.fromEntries(schemas.map((schema) => [fullName(schema), schema])));
  files.set(ASYNCAPI, await format(JSON.stringify(described), ASYNCAPI));
  return files;
}

async function generate(): Promise<void> {
  const schemas = readSchemas();
  mkdirSync(GENERATED, { recursive: true });
  for (const [file, text] of await outputs(schemas)) writeFileSync(file, text);
  for (const schema of schemas) {
    const history = readHistory(fullName(schema));
    const newest = history.at(-1);
    if (newest !== undefined && JSON.stringify(newest) === JSON.stringify(schema)) continue;
    const folder = join(HISTORY, fullName(schema));
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${history.length + 1}.avsc`);
    writeFileSync(file, await format(JSON.stringify(schema, null, 2), file));
  }
}

async function check(): Promise<string[]> {
  const schemas = readSchemas();
  const problems: string[] = [];
  for (const [file, text] of await outputs(schemas)) {
    const present = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (present !== text)
      problems.push(
        `${relative(ROOT, file)} differs from schemas/ or the catalogue: run \`npm run schemas:generate\` and commit`,
      );
  }
  for (const schema of schemas) {
    const history = readHistory(fullName(schema));
    problems.push(...compatibilityProblems(schema, history));
    if (JSON.stringify(history.at(-1)) !== JSON.stringify(schema)) {
      problems.push(
        `${fullName(schema)}: the newest version in libs/contracts/history differs: run \`npm run schemas:generate\` and commit`,
      );
    }
  }
  return problems;
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv[2] === 'generate') await generate();
  else {
    const problems = await check();
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    process.stdout.write(
      problems.length === 0
        ? `schemas: ${readSchemas().length} schemas, FULL_TRANSITIVE, generated files current\n`
        : '',
    );
    process.exitCode = problems.length === 0 ? 0 : 1;
  }
}
