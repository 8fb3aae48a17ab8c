import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { AppError } from './errors.ts';
import { secret, type Secret } from './secret.ts';

/** One setting: what it is for, how its text is read, and what it is when absent. */
export interface Setting<T> {
  read: z.ZodType<T, string>;
  /** Text it has when absent; undefined makes the value undefined. */
  fallback: string | undefined;
  doc: string;
  example: string | undefined;
  secret: boolean;
}

interface SettingOptions {
  fallback?: string;
  example?: string;
}

/** A text. */
export function text(doc: string, options: SettingOptions & { fallback: string }): Setting<string>;
export function text(doc: string, options?: SettingOptions): Setting<string | undefined>;
export function text(doc: string, options: SettingOptions = {}): Setting<string | undefined> {
  return declare(z.string(), doc, options);
}

/** A text that never prints. */
export function secretText(doc: string, options: SettingOptions = {}): Setting<Secret | undefined> {
  return { ...declare(z.string().transform(secret), doc, options), secret: true };
}

/** A token that goes into a header. */
export function token(doc: string, options: SettingOptions = {}): Setting<Secret | undefined> {
  return secretCustom(doc, (value) => readToken('it', value), options);
}

/** A text that never prints, with a reader of its own, which throws an Error that says what is wrong without quoting it. */
export function secretCustom<T>(
  doc: string,
  read: (text: string) => T,
  options: SettingOptions = {},
): Setting<T | undefined> {
  return { ...declare<T | undefined>(reading(read), doc, options), secret: true };
}

/** A number within limits. */
export function number(
  doc: string,
  limits: { min: number; max: number; integer?: boolean },
  options: SettingOptions & { fallback: string },
): Setting<number> {
  const kind = limits.integer === true ? 'a whole number' : 'a number';
  const hint = `must be ${kind} from ${limits.min} to ${limits.max}`;
  const read = z
    .string()
    .regex(/^-?\d+(\.\d+)?$/, hint)
    .transform(Number)
    .refine(
      (value) => value >= limits.min && value <= limits.max && (limits.integer !== true || Number.isInteger(value)),
      hint,
    );
  return declare(read, doc, options);
}

/** true or false. */
export function flag(doc: string, options: SettingOptions & { fallback: 'true' | 'false' }): Setting<boolean> {
  return declare(
    z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true'),
    doc,
    options,
  );
}

/** A comma-separated list, trimmed, empty items dropped. */
export function list(doc: string, options: SettingOptions & { fallback: string }): Setting<string[]> {
  return declare(z.string().transform(splitList), doc, options);
}

/** One of some words. */
export function choice<T extends string>(
  doc: string,
  choices: readonly [T, ...T[]],
  options: SettingOptions & { fallback: T },
): Setting<T> {
  return declare(z.enum(choices, `must be one of ${choices.join(', ')}`), doc, options);
}

const ADDRESS = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .transform((value) => value.replace(/\/+$/, ''));

/** An http(s) address without a trailing slash. */
export function url(doc: string, options: SettingOptions & { fallback: string }): Setting<string>;
export function url(doc: string, options?: SettingOptions): Setting<string | undefined>;
export function url(doc: string, options: SettingOptions = {}): Setting<string | undefined> {
  return declare(ADDRESS, doc, options);
}

/** A token as a header takes it: what no header takes would look like a network that is down. An Error that names the setting else. */
export function readToken(name: string, value: string): Secret {
  if (/^[\x21-\x7e]+$/.test(value)) return secret(value);
  throw new Error(`${name} holds a blank, an invisible character or one beyond ASCII: copy the token again`);
}

/** A text with a reader of its own, which throws an Error that says what is wrong. */
export function custom<T>(
  doc: string,
  read: (text: string) => T,
  options: SettingOptions & { fallback: string },
): Setting<T>;
export function custom<T>(doc: string, read: (text: string) => T, options?: SettingOptions): Setting<T | undefined>;
export function custom<T>(
  doc: string,
  read: (text: string) => T,
  options: SettingOptions = {},
): Setting<T | undefined> {
  return declare<T | undefined>(reading(read), doc, options);
}

function reading<T>(read: (text: string) => T): z.ZodType<T, string> {
  return z.string().transform((value, context): T => {
    try {
      return read(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
}

/** The path of a file that is there, can be read and is not empty. */
export function file(doc: string, options: SettingOptions = {}): Setting<string | undefined> {
  const read = z.string().superRefine((path, context) => {
    try {
      readValueFile('it', path);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message.replace(/^it /, '') });
    }
  });
  return declare(read, doc, options);
}

function declare<T>(read: z.ZodType<T, string>, doc: string, { fallback, example }: SettingOptions): Setting<T> {
  return { read, fallback, doc, example, secret: false };
}

/** Splits a comma-separated list. */
export function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Settings by name. */
export type Declarations = Record<string, Setting<unknown>>;

/** What settings are once read. */
export type Values<D extends Declarations> = { [Name in keyof D]: D[Name] extends Setting<infer T> ? T : never };

/**
 * Reads settings from the environment, each also as NAME_FILE (a file that holds the value). Reports every fault at once, as one
 * config_invalid error that never shows a value of a secret.
 */
export function loadSettings<D extends Declarations>(declarations: D, env: NodeJS.ProcessEnv): Values<D> {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(declarations)) {
    try {
      values[name] = readSetting(name, setting, env);
    } catch (error) {
      const example = setting.example ?? setting.fallback;
      faults.push(
        `${name}: ${(error as Error).message}${example === undefined || example === '' ? '' : ` (for example ${name}=${example})`}`,
      );
    }
  }
  if (faults.length > 0) throw new AppError('config_invalid', `wrong settings:\n  ${faults.join('\n  ')}`);
  return values as Values<D>;
}

function readSetting(name: string, setting: Setting<unknown>, env: NodeJS.ProcessEnv): unknown {
  const given = givenText(name, env) ?? setting.fallback;
  if (given === undefined) return undefined;
  const result = setting.read.safeParse(given);
  if (result.success) return result.data;
  throw new Error(result.error.issues.map(({ message }) => message).join('; '));
}

function givenText(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const direct = env[name]?.trim();
  const file = env[`${name}_FILE`]?.trim();
  if (direct !== undefined && direct !== '') {
    if (file !== undefined && file !== '')
      throw new Error(`is given twice, as ${name} and as ${name}_FILE: remove one`);
    return direct;
  }
  if (file === undefined || file === '') return undefined;
  return readValueFile(`${name}_FILE`, file);
}

/** The value that a file holds, without the line end that editors add; an Error that names the setting when there is none. */
export function readValueFile(name: string, file: string): string {
  let value: string;
  try {
    value = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Error(
      `${name} names a file that cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`,
      { cause: error },
    );
  }
  if (value === '') throw new Error(`${name} names a file that is empty`);
  return value;
}
