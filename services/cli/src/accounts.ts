import type { Command } from 'commander';
import type { GhlCustomFields } from '#libs/domain/src/settings.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { readSettings, requireOauthApp, type GhlAccount, type Settings } from '#libs/runtime/src/settings.ts';
import { createGhlClient, type GhlClient } from '#libs/sources/ghl/client.ts';
import { findCustomFields, mappingOf, type FieldFinding } from '#libs/sources/ghl/custom-fields.ts';
import { installUrl } from '#libs/sources/ghl/install.ts';
import type { TokenSource } from '#libs/sources/ghl/tokens.ts';
import { createBudget } from '#libs/sources/kit/rate-limit.ts';
import { createPool, type Database } from '#libs/storage/src/pool.ts';
import { tokenSources } from '#services/connector/src/tokens.ts';
import { writeMapping } from './accounts-file.ts';
import { existingStack } from './connections.ts';
import { ghlAccess, readRunning, type GhlAccess } from './session.ts';

/** What `accounts check` found in one location. */
export interface AccountCheck {
  locationId: string;
  fields: FieldFinding[];
  /** The mapping, as GHL_ACCOUNTS_FILE takes it. */
  customFields: Partial<GhlCustomFields>;
}

type Print = (json: boolean | undefined, value: object, text: string) => void;

interface CheckFlags {
  location?: string;
  write?: string;
  json?: boolean;
}

/** `accounts check` and `accounts install`. */
export function addAccountCommands(program: Command, print: Print): void {
  const accounts = program.command('accounts').description('the locations of GoHighLevel: custom fields, OAuth');
  accounts
    .command('check')
    .description('find the custom fields of each location by their names and print the mapping')
    .option('--location <id>', 'only this location')
    .option('--write <file>', 'write what was found into this accounts file')
    .option('--json', 'print exactly one JSON document on stdout')
    .action(async ({ location, write, json }: CheckFlags) => {
      const checks = await checkAccounts(readSettings(process.env), location);
      if (write !== undefined) writeMapping(write, checks);
      const isComplete = checks.every(({ fields }) =>
        fields.every(({ state, required }) => state === 'found' || !required),
      );
      print(json, { accounts: checks, written: write ?? null }, checks.map(renderCheck).join('\n\n'));
      process.exitCode = isComplete ? 0 : 3;
    });
  accounts
    .command('install')
    .description('print the address on which somebody grants access to a location (OAuth)')
    .option('--location <id>', 'the location; needed where the agency grants access')
    .option('--json', 'print exactly one JSON document on stdout')
    .action(({ location, json }: { location?: string; json?: boolean }) => {
      const url = installUrl(requireOauthApp(readSettings(process.env)), location);
      print(json, { url }, url);
    });
}

async function checkAccounts(settings: Settings, location: string | undefined): Promise<AccountCheck[]> {
  const ghl = ghlAccess(settings, readRunning(settings.DATA_DIR));
  const accounts = ghl.accounts.filter(({ locationId }) => location === undefined || location === locationId);
  if (accounts.length === 0)
    throw new AppError(
      'config_invalid',
      location === undefined
        ? 'no GoHighLevel location is set: set GHL_LOCATION_ID and GHL_PRIVATE_TOKEN, or GHL_ACCOUNTS_FILE'
        : `no token is set for the GoHighLevel location ${location}: there are ${ghl.accounts.map(({ locationId }) => locationId).join(', ') || 'none'}`,
    );
  return withClients(settings, { ...ghl, accounts }, (clientOf) =>
    Promise.all(
      accounts.map(async (account) => {
        const fields = findCustomFields(await clientOf(account).getCustomFields());
        return { locationId: account.locationId, fields, customFields: mappingOf(fields) };
      }),
    ),
  );
}

/** Runs `work` with clients of locations; the database is reached only when a location is connected through OAuth. */
export async function withClients<T>(
  settings: Settings,
  ghl: Pick<GhlAccess, 'baseUrl' | 'accounts'>,
  work: (clientOf: (account: GhlAccount) => GhlClient) => Promise<T>,
): Promise<T> {
  const isOauth = ghl.accounts.some(({ token }) => token === null);
  const database = isOauth ? await openDatabase(settings) : undefined;
  try {
    const tokensOf = tokenSources({ settings, ghl, database: () => database! });
    return await work((account) => clientOf(settings, ghl.baseUrl, account.locationId, tokensOf(account)));
  } finally {
    await database?.end();
  }
}

async function openDatabase(settings: Settings): Promise<Database> {
  const { databaseUrl } = await existingStack(settings);
  return createPool({ databaseUrl, applicationName: 'tributary-cli', max: 2 });
}

/** A client for a person who waits: it gives up soon. */
function clientOf(settings: Settings, baseUrl: string, locationId: string, tokens: TokenSource): GhlClient {
  const timeoutMs = settings.GHL_REQUEST_TIMEOUT * 1000;
  return createGhlClient({ baseUrl, tokens, locationId, budget: createBudget(), timeoutMs, patienceMs: 2_000 });
}

const SAYING: Record<FieldFinding['state'], (finding: FieldFinding) => string> = {
  found: ({ ids }) => ids[0]!,
  missing: ({ required }) => (required ? 'MISSING: no field has this name' : 'none, which may be'),
  ambiguous: ({ ids }) => `AMBIGUOUS: ${ids.join(', ')} have this name; rename one, or choose in the accounts file`,
  wrong_type: ({ ids, dataTypes }) =>
    `WRONG TYPE: ${ids.map((id, index) => `${id} is ${dataTypes[index]}`).join(', ')}`,
};

function renderCheck({ locationId, fields, customFields }: AccountCheck): string {
  const width = Math.max(...fields.map(({ label }) => label.length));
  const lines = fields.map((finding) => `  ${finding.label.padEnd(width)}  ${SAYING[finding.state](finding)}`);
  return [`Location ${locationId}`, ...lines, `  "customFields": ${JSON.stringify(customFields)}`].join('\n');
}
