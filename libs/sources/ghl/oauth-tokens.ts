import { AppError, toAppError } from '#libs/runtime/src/errors.ts';
import type { Secret } from '#libs/runtime/src/secret.ts';
import { systemClock, type Clock } from '../kit/rate-limit.ts';
import { withRetry } from '../kit/retry.ts';
import type { OauthClient } from './oauth.ts';
import type { KeptTokens, TokenPair, TokenSource, TokenVault } from './tokens.ts';

/** What the tokens of one location are renewed with. */
export interface OauthTokensOptions {
  locationId: string;
  vault: TokenVault;
  oauth: Pick<OauthClient, 'refresh'>;
  clock?: Clock;
}

/** How long before its end a token is renewed; at most a tenth of its life, for tokens that live shortly. */
const EARLY_MS = 5 * 60_000;
/** Renewing is tried again within GoHighLevel's grace of 30 s, in which a refresh token gives the same pair again. */
const RENEW_PATIENCE_MS = 10_000;
/** How long a failed early renewal waits while the old token is still good. */
const AGAIN_MS = 30_000;

const REMEDY = 'connect it again with `tributary accounts install`';

/**
 * The tokens of one location that is connected through OAuth. One renewal at a time: in this process by a shared promise, among
 * processes by the vault, where whoever comes second finds the first one's token.
 */
export function oauthTokens({ locationId, vault, oauth, clock = systemClock }: OauthTokensOptions): TokenSource {
  let held: KeptTokens | undefined;
  let notBefore = 0;
  let renewing: Promise<KeptTokens> | undefined;

  function connected(kept: KeptTokens | undefined): KeptTokens {
    if (kept !== undefined) return kept;
    throw new AppError('ghl_not_connected', `no OAuth token is kept for the location ${locationId}: ${REMEDY}`);
  }

  const isDue = ({ expiresAt, savedAt }: KeptTokens): boolean =>
    clock.now() >= expiresAt - Math.min(EARLY_MS, (expiresAt - savedAt) / 10);

  function renew(refused: Secret | undefined): Promise<KeptTokens> {
    async function decide(kept: KeptTokens | undefined): Promise<TokenPair | undefined> {
      const { access, refresh } = connected(kept);
      if (refused?.reveal() !== access.reveal() && !isDue(kept!)) return undefined;
      return withRetry({ totalMs: RENEW_PATIENCE_MS, clock }, () => oauth.refresh(refresh, locationId));
    }
    renewing ??= vault
      .change(locationId, decide)
      .then((kept) => (held = connected(kept)))
      .finally(() => {
        renewing = undefined;
      });
    return renewing;
  }

  return {
    remedy: REMEDY,

    async token() {
      held ??= connected(await vault.read(locationId));
      if (!isDue(held) || clock.now() < notBefore) return held.access;
      try {
        return (await renew(undefined)).access;
      } catch (error) {
        if (toAppError(error).kind !== 'transient' || clock.now() >= held.expiresAt) throw error;
        notBefore = Math.min(clock.now() + AGAIN_MS, held.expiresAt);
        return held.access;
      }
    },

    async refused(token) {
      if (held?.access.reveal() === token.reveal()) await renew(token);
      return true;
    },
  };
}
