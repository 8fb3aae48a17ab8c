/** Renders TypeScript types from Avro record schemas. */

/** An Avro record as written in schemas/. */
export interface AvroRecord {
  type: 'record';
  name: string;
  namespace: string;
  doc: string;
  fields: AvroField[];
}

interface AvroField {
  name: string;
  type: AvroType;
  doc: string;
}

type AvroType =
  | string
  | AvroType[]
  | {
      type: string;
      items?: AvroType;
      values?: AvroType;
      name?: string;
      doc?: string;
      fields?: AvroField[];
      symbols?: string[];
    };

const PRIMITIVES: Record<string, string> = {
  null: 'null',
  string: 'string',
  boolean: 'boolean',
  int: 'number',
  long: 'number',
  double: 'number',
  float: 'number',
  bytes: 'Buffer',
};

/** The text of the generated types module: one interface per record, one union per enum, and the map of event types. */
export function renderTypes(schemas: AvroRecord[]): string {
  const declared = new Map<string, string>();
  const events = schemas.map((schema) => {
    const name = typeName(schema, declared);
    declareRecord(name, schema.doc, schema.fields, declared);
    return `  '${schema.namespace}.${schema.name}': ${name};`;
  });
  return [
    '// Generated from schemas/ by `npm run schemas:generate`. Do not edit.',
    '// Times are milliseconds since the epoch (Avro timestamp-millis).',
    ...declared.values(),
    '/** Every event by the full name of its schema, which is its ce_type header. */',
    `export interface Events {\n${events.join('\n')}\n}`,
    '/** Full name of an event. */\nexport type EventType = keyof Events;\n',
  ].join('\n\n');
}

/** The schema's own name; where another source has taken it, the name of its source before it: SalesforceContactRead. */
function typeName({ name, namespace }: AvroRecord, declared: ReadonlyMap<string, string>): string {
  if (!declared.has(name)) return name;
  const source = namespace.split('.').at(-2) ?? '';
  return `${source.charAt(0).toUpperCase()}${source.slice(1)}${name}`;
}

function declareRecord(name: string, doc: string, fields: AvroField[], declared: Map<string, string>): string {
  const body = fields.map((field) => `  /** ${field.doc} */\n  ${field.name}: ${typeText(field.type, declared)};`);
  return declare(name, `/** ${doc} */\nexport interface ${name} {\n${body.join('\n')}\n}`, declared);
}

function declare(name: string, text: string, declared: Map<string, string>): string {
  const known = declared.get(name);
  if (known !== undefined && known !== text) throw new Error(`two different schemas are called ${name}: rename one`);
  declared.set(name, text);
  return name;
}

function typeText(type: AvroType, declared: Map<string, string>): string {
  if (Array.isArray(type))
    return type
      .map((part) => typeText(part, declared))
      .sort(nullLast)
      .join(' | ');
  if (typeof type === 'string') return PRIMITIVES[type] ?? unknownType(type);
  switch (type.type) {
    case 'array':
      return `${parenthesised(typeText(type.items ?? 'null', declared))}[]`;
    case 'map':
      return `Record<string, ${typeText(type.values ?? 'null', declared)}>`;
    case 'record':
      return declareRecord(type.name ?? '', type.doc ?? '', type.fields ?? [], declared);
    case 'enum': {
      const symbols = (type.symbols ?? []).map((symbol) => `'${symbol}'`).join(' | ');
      return declare(
        type.name ?? '',
        `/** ${type.doc ?? ''} */\nexport type ${type.name ?? ''} = ${symbols};`,
        declared,
      );
    }
    default:
      return typeText(type.type, declared);
  }
}

function nullLast(a: string, b: string): number {
  return Number(a === 'null') - Number(b === 'null');
}

function parenthesised(text: string): string {
  return text.includes('|') ? `(${text})` : text;
}

function unknownType(type: string): never {
  throw new Error(`Avro type ${type} is not known here: define it inline`);
}
