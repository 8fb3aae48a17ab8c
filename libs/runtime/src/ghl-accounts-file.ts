import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { GhlCustomFields, GhlRules } from '#libs/domain/src/settings.ts';
import { readToken, readValueFile } from './config.ts';
import { AppError } from './errors.ts';
import type { Secret } from './secret.ts';
import type { GhlAccount } from './settings.ts';

const text = z.string().trim().min(1);
const tag = text.transform((value) => value.toLowerCase());
const share = z.number().min(0).max(1);

const CUSTOM_FIELDS = z.strictObject({
  ghlUserId: text,
  companyName: text,
  serviceCategories: z.array(text).min(1),
  servicesOffered: text,
  serviceZipCodes: text,
  takingNewWork: text,
  lastLeadAssigned: text,
  leadClosePercentage: text,
  primaryServiceCategory: text,
  specificServiceRequested: text,
  leadZip: text,
} satisfies Record<keyof GhlCustomFields, z.ZodType>);

const RULES = z.strictObject({
  vendorSourceKeyword: text,
  vendorTags: z.array(tag),
  vendorTagLevels: z.array(z.strictObject({ level: z.number().int().min(0), tag, status: text })),
  newLeadStatus: text,
  defaultVendorStatus: text,
  defaultLeadStatus: text,
  inactiveStatus: text,
  vendorStatusKept: z.array(text),
  leadDiscoveryTags: z.array(tag),
  emptyOverwrites: z.boolean(),
  missingMaxShare: share,
  missingMinRows: z.number().int().min(0),
  missingMaxUnknownShare: share,
} satisfies Record<Exclude<keyof GhlRules, 'customFields'>, z.ZodType>);

const ACCOUNT = z
  .strictObject({
    locationId: text,
    token: text.optional(),
    tokenFile: text.optional(),
    oauth: z.literal(true).optional(),
    customFields: CUSTOM_FIELDS.partial().optional(),
    rules: RULES.partial().optional(),
  })
  .refine(({ token, tokenFile, oauth }) => [token, tokenFile, oauth].filter((one) => one !== undefined).length === 1, {
    error: 'needs exactly one of token, tokenFile and oauth (true)',
  });

const ACCOUNTS = z
  .array(ACCOUNT)
  .min(1)
  .superRefine((accounts, context) => {
    const seen = new Set<string>();
    for (const [index, { locationId }] of accounts.entries()) {
      if (seen.has(locationId))
        context.addIssue({ code: 'custom', path: [index, 'locationId'], message: `repeats ${locationId}` });
      seen.add(locationId);
    }
  });

/** GHL_ACCOUNTS_FILE as it is written: a list with one entry per location. */
export type AccountsFile = z.input<typeof ACCOUNTS>;

/**
 * The locations of GHL_ACCOUNTS_FILE with the rules of each: its own where it has some, else the given ones. Reports every
 * fault at once by its path in the file; a token file is found from the folder of the accounts file.
 */
export function readAccountsFile(file: string, rules: GhlRules): GhlAccount[] {
  const faults: string[] = [];
  const accounts = parseAccountsFile(file).map(({ locationId, token, tokenFile, customFields, rules: own }, index) => {
    const path = tokenFile === undefined ? undefined : resolve(dirname(file), tokenFile);
    return {
      locationId,
      token: tokenOf(index, token, path, faults),
      rules: {
        ...rules,
        ...defined(own ?? {}),
        customFields: { ...rules.customFields, ...defined(customFields ?? {}) },
      },
    };
  });
  if (faults.length > 0) throw wrong(file, faults);
  return accounts;
}

/** The entries of an accounts file, checked; token files are not opened. */
export function parseAccountsFile(file: string): z.output<typeof ACCOUNTS> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    // The reason would quote the file, which holds tokens.
    const { code } = error as NodeJS.ErrnoException;
    throw wrong(file, [code === undefined ? 'is no JSON' : `cannot be read (${code})`]);
  }
  const result = ACCOUNTS.safeParse(parsed);
  if (result.success) return result.data;
  throw wrong(
    file,
    result.error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`)),
  );
}

/** The token of an entry, or in its file; null with OAuth. A fault when it is none. */
function tokenOf(index: number, token: string | undefined, file: string | undefined, faults: string[]): Secret | null {
  const name = `${index}.${file === undefined ? 'token' : 'tokenFile'}`;
  try {
    const value = file === undefined ? token : readValueFile(name, file);
    return value === undefined ? null : readToken(name, value);
  } catch (error) {
    faults.push((error as Error).message);
    return null;
  }
}

function wrong(file: string, faults: readonly string[]): AppError {
  return new AppError('config_invalid', `GHL_ACCOUNTS_FILE ${file}:\n  ${faults.join('\n  ')}`);
}

function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
