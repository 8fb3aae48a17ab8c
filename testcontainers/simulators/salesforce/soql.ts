import { fail, type ApiError } from './errors.ts';

/** A literal of a condition: times as milliseconds with their type, so that they are compared with fields of that type only. */
export type Literal =
  | { type: 'string'; value: string }
  | { type: 'number'; value: number }
  | { type: 'boolean'; value: boolean }
  | { type: 'null' }
  | { type: 'datetime'; value: number }
  | { type: 'date'; value: string }
  /** A date literal such as TODAY or LAST_N_DAYS:7. */
  | { type: 'range'; name: string; count: number };

/** Comparisons the simulator knows. */
export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'LIKE' | 'IN' | 'NOT IN' | 'INCLUDES' | 'EXCLUDES';

/** A WHERE clause. */
export type Condition =
  | { kind: 'and' | 'or'; parts: Condition[] }
  | { kind: 'not'; part: Condition }
  | { kind: 'compare'; field: string; operator: Operator; values: Literal[] };

/** One item of a SELECT list. */
export type Selected = { kind: 'field'; name: string } | { kind: 'count'; field: string | null; alias: string | null };

/** A parsed query. */
export interface Query {
  select: Selected[];
  from: string;
  where: Condition | null;
  groupBy: string | null;
  orderBy: { field: string; descending: boolean; nullsLast: boolean }[];
  limit: number | null;
  offset: number | null;
  /** FOR VIEW, FOR REFERENCE, FOR UPDATE, UPDATE TRACKING, UPDATE VIEWSTAT: these write. */
  writes: string | null;
}

interface Token {
  kind: 'word' | 'string' | 'number' | 'datetime' | 'date' | 'symbol' | 'end';
  text: string;
  at: number;
}

const TOKEN =
  /\s*(?:(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?(?:Z|[+-]\d{2}:?\d{2}))|(\d{4}-\d{2}-\d{2})(?![\dT])|([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])|([A-Za-z_][\w.]*(?::\d+)?)|'((?:[^'\\]|\\.)*)'|(<=|>=|!=|<>|[=<>(),]))/y;
const KINDS = ['datetime', 'date', 'number', 'word', 'string', 'symbol'] as const;
const LARGEST_TEXT = 100_000;

/** Reads the part of SOQL that the reference lists (salesforce A10); refuses the rest as Salesforce does. */
export function parseSoql(text: string): Query {
  if (text.length > LARGEST_TEXT) throw malformed('SOQL statements cannot be longer than 100000 characters.', text, 0);
  const tokens = tokenize(text);
  let at = 0;
  const peek = (ahead = 0): Token => tokens[Math.min(at + ahead, tokens.length - 1)]!;
  const is = (word: string, ahead = 0): boolean =>
    ['word', 'symbol'].includes(peek(ahead).kind) && peek(ahead).text.toUpperCase() === word;
  const next = (): Token => tokens[at < tokens.length - 1 ? at++ : at]!;
  const take = (...words: string[]): boolean => {
    if (!words.every((word, index) => is(word, index))) return false;
    at += words.length;
    return true;
  };
  const unexpected = (token = peek()): ApiError =>
    malformed(`unexpected token: '${token.kind === 'end' ? '<EOF>' : token.text}'`, text, token.at);
  const expect = (word: string): void => {
    if (!take(word)) throw unexpected();
  };
  const name = (): string => {
    if (peek().kind !== 'word') throw unexpected();
    return next().text;
  };
  const whole = (): number => {
    if (peek().kind !== 'number' || !/^\d+$/.test(peek().text)) throw unexpected();
    return Number(next().text);
  };

  function selected(): Selected {
    if (is('(')) throw malformed('subqueries are not simulated', text, peek().at);
    const word = name();
    if (!take('(')) return { kind: 'field', name: word };
    if (word.toUpperCase() !== 'COUNT') throw unexpected();
    const field = is(')') ? null : name();
    expect(')');
    const alias = peek().kind === 'word' && !is('FROM') ? name() : null;
    return { kind: 'count', field, alias };
  }

  function literal(): Literal {
    const token = next();
    switch (token.kind) {
      case 'string':
        return { type: 'string', value: unescape(token.text) };
      case 'number':
        return { type: 'number', value: Number(token.text) };
      case 'datetime':
        return { type: 'datetime', value: Date.parse(token.text) };
      case 'date':
        return { type: 'date', value: token.text };
      case 'word': {
        const word = token.text.toUpperCase();
        if (word === 'NULL') return { type: 'null' };
        if (word === 'TRUE' || word === 'FALSE') return { type: 'boolean', value: word === 'TRUE' };
        const range = /^(TODAY|YESTERDAY|LAST_N_DAYS(?=:))(?::(\d+))?$/.exec(word);
        if (range !== null) return { type: 'range', name: range[1]!, count: Number(range[2] ?? 0) };
        throw unexpected(token);
      }
      case 'symbol':
      case 'end':
        throw unexpected(token);
    }
  }

  function list(): Literal[] {
    expect('(');
    const values = [literal()];
    while (take(',')) values.push(literal());
    expect(')');
    return values;
  }

  function comparison(): Condition {
    if (take('NOT')) return { kind: 'not', part: comparison() };
    if (take('(')) {
      const inner = condition();
      expect(')');
      return inner;
    }
    const field = name();
    for (const operator of ['IN', 'INCLUDES', 'EXCLUDES'] as const)
      if (take(operator)) return { kind: 'compare', field, operator, values: list() };
    if (take('NOT', 'IN')) return { kind: 'compare', field, operator: 'NOT IN', values: list() };
    if (take('LIKE')) return { kind: 'compare', field, operator: 'LIKE', values: [literal()] };
    const { kind, text: sign } = peek();
    if (kind !== 'symbol' || !/^(=|!=|<>|<|<=|>|>=)$/.test(sign)) throw unexpected();
    next();
    return { kind: 'compare', field, operator: (sign === '<>' ? '!=' : sign) as Operator, values: [literal()] };
  }

  /** AND and OR are not mixed without parentheses. */
  function condition(): Condition {
    const parts = [comparison()];
    const word = is('AND') ? 'AND' : 'OR';
    while (take(word)) parts.push(comparison());
    if (is('AND') || is('OR')) throw unexpected();
    return parts.length === 1 ? parts[0]! : { kind: word === 'AND' ? 'and' : 'or', parts };
  }

  function order(): Query['orderBy'] {
    const orders: Query['orderBy'] = [];
    do {
      const field = name();
      const descending = take('DESC') || (take('ASC') && false);
      orders.push({ field, descending, nullsLast: take('NULLS', 'LAST') || (take('NULLS', 'FIRST') && false) });
    } while (take(','));
    return orders;
  }

  function writing(): string | null {
    for (const pair of ['FOR VIEW', 'FOR REFERENCE', 'FOR UPDATE', 'UPDATE TRACKING', 'UPDATE VIEWSTAT'])
      if (take(...pair.split(' '))) return pair;
    return null;
  }

  expect('SELECT');
  const select = [selected()];
  while (take(',')) select.push(selected());
  expect('FROM');
  const query: Query = {
    select,
    from: name(),
    where: take('WHERE') ? condition() : null,
    groupBy: take('GROUP', 'BY') ? name() : null,
    orderBy: take('ORDER', 'BY') ? order() : [],
    limit: take('LIMIT') ? whole() : null,
    offset: take('OFFSET') ? whole() : null,
    writes: writing(),
  };
  if (peek().kind !== 'end') throw unexpected();
  return query;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  let from = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const group = match.findIndex((part, index) => index > 0 && part !== undefined);
    tokens.push({ kind: KINDS[group - 1]!, text: match[group]!, at: from });
    from = TOKEN.lastIndex;
  }
  const rest = text.slice(from).trim();
  if (rest.startsWith("'")) throw malformed('line breaks or a missing end of a string literal', text, from);
  if (rest !== '') throw malformed(`unexpected token: '${rest[0]!}'`, text, from);
  return [...tokens, { kind: 'end', text: '', at: text.length }];
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (_match, letter: string) => ESCAPES[letter] ?? letter);
}

/** 400 MALFORMED_QUERY with the place, as Salesforce words it. */
export function malformed(message: string, text: string, at: number): ApiError {
  const place = text.slice(Math.max(0, at - 20), at + 20);
  return fail(400, 'MALFORMED_QUERY', `\n${place}\n^\nERROR at Row:1:Column:${at + 1}\n${message}`);
}
