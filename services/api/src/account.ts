import { AppError } from '#libs/runtime/src/errors.ts';
import type { Caller } from '#libs/runtime/src/route.ts';
import type { RouteOptions } from './routes.ts';

const REMEDIES: Record<string, string> = {
  ghl: 'set its token first (GHL_ACCOUNTS_FILE)',
  salesforce: 'it is named by SALESFORCE_DOMAIN',
};

/** The account a request is about: the one it names, else the only one there is; one that the caller may not see is not there. */
export function accountOf(
  { accounts }: Pick<RouteOptions, 'accounts'>,
  caller: Caller,
  source: string,
  named: string | undefined,
): string {
  const known = accounts(source)?.filter((id) => caller.accounts?.includes(id) !== false);
  if (known === undefined)
    throw new AppError('unknown_source', `there is no source ${source} here, or its settings are not set`);
  const chosen = named ?? onlyOne(known, source);
  if (!known.includes(chosen))
    throw new AppError(
      'unknown_source',
      `${source} has no account ${chosen} here: ${REMEDIES[source] ?? 'set it first'}`,
    );
  return chosen;
}

function onlyOne(accounts: readonly string[], source: string): string {
  const [only, ...others] = accounts;
  if (only !== undefined && others.length === 0) return only;
  throw new AppError('request_invalid', `say which account of ${source}: there are ${accounts.length}`);
}
