import type { Secret } from '#libs/runtime/src/secret.ts';

/** Where a client gets the token of its location from. */
export interface TokenSource {
  /** A token that is good as far as anybody knows. */
  token(): Promise<Secret>;
  /** Told that GoHighLevel refuses a token: true when token() has another one now, and the request is worth repeating once. */
  refused(token: Secret): Promise<boolean>;
  /** What people do when no token is taken; ends a sentence. */
  remedy: string;
}

/** A token that never changes: a private integration token. */
export function fixedToken(token: Secret): TokenSource {
  return {
    token: async () => token,
    refused: async () => false,
    remedy: 'make a new one and set GHL_PRIVATE_TOKEN (or the token of the location in GHL_ACCOUNTS_FILE)',
  };
}

/** What GoHighLevel grants: an access token, and the single-use token that renews it. */
export interface TokenPair {
  access: Secret;
  refresh: Secret;
  /** Milliseconds since 1970. */
  expiresAt: number;
  scopes: readonly string[];
}

/** A pair as it is kept. */
export interface KeptTokens extends TokenPair {
  savedAt: number;
}

/** Where pairs are kept, encrypted, for every process that reads the location. */
export interface TokenVault {
  read(locationId: string): Promise<KeptTokens | undefined>;
  /**
   * Decides on a new pair while nobody else can, across processes; undefined keeps what is there. Resolves with what is kept
   * once it is durable, so that a pair is never used before it is saved.
   */
  change(
    locationId: string,
    decide: (kept: KeptTokens | undefined) => Promise<TokenPair | undefined>,
  ): Promise<KeptTokens | undefined>;
  /** Keeps a pair in the place of whatever was there, even of what cannot be read any more. */
  put(locationId: string, pair: TokenPair): Promise<void>;
  /** True for the first who names a state, false for everybody after. */
  useState(id: string, expiresAt: number): Promise<boolean>;
}
