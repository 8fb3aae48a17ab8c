import type { KeyRing } from '#libs/runtime/src/key-ring.ts';
import type { Secret } from '#libs/runtime/src/secret.ts';
import { inTransaction, type Database, type Sql } from './pool.ts';

/** A pair of tokens in the clear: in memory only. Times in milliseconds. */
export interface Tokens {
  access: Secret;
  refresh: Secret;
  expiresAt: number;
  scopes: readonly string[];
}

/** A pair as it is kept. */
export interface KeptTokens extends Tokens {
  savedAt: number;
}

interface Row {
  key_id: string;
  access_token: Buffer;
  refresh_token: Buffer;
  expires_at: number;
  scopes: string[];
  updated_at: number;
}

const COLUMNS = 'key_id, access_token, refresh_token, expires_at, scopes, updated_at';

/**
 * The OAuth tokens of one provider in tributary.oauth_tokens. Both tokens are sealed for their provider, account and column: a
 * row, or a part of it, that is moved elsewhere does not open.
 */
export function createTokenVault(database: Database, keys: KeyRing, provider: string) {
  function open(account: string, row: Row): KeptTokens {
    const { key_id: keyId } = row;
    return {
      access: keys.open({ keyId, box: row.access_token }, [provider, account, 'access']),
      refresh: keys.open({ keyId, box: row.refresh_token }, [provider, account, 'refresh']),
      expiresAt: row.expires_at,
      scopes: row.scopes,
      savedAt: row.updated_at,
    };
  }

  async function find(sql: Sql, account: string, lock: '' | 'for update'): Promise<KeptTokens | undefined> {
    const { rows } = await sql.query<Row>(
      `select ${COLUMNS} from tributary.oauth_tokens where provider = $1 and account = $2 ${lock}`,
      [provider, account],
    );
    return rows[0] === undefined ? undefined : open(account, rows[0]);
  }

  async function save(sql: Sql, account: string, tokens: Tokens): Promise<KeptTokens> {
    const access = keys.seal(tokens.access, [provider, account, 'access']);
    const refresh = keys.seal(tokens.refresh, [provider, account, 'refresh']);
    const { rows } = await sql.query<Row>(
      `insert into tributary.oauth_tokens (provider, account, key_id, access_token, refresh_token, expires_at, scopes)
       values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000.0), $7)
       on conflict (provider, account) do update set key_id = excluded.key_id, access_token = excluded.access_token,
         refresh_token = excluded.refresh_token, expires_at = excluded.expires_at, scopes = excluded.scopes, updated_at = now()
       returning ${COLUMNS}`,
      [provider, account, access.keyId, access.box, refresh.box, tokens.expiresAt, tokens.scopes],
    );
    return open(account, rows[0]!);
  }

  return {
    /** What is kept for an account. */
    async read(account: string): Promise<KeptTokens | undefined> {
      return find(database, account, '');
    },

    /**
     * Decides on new tokens under the lock of the account's row, read again after the lock was got: of all processes that want to
     * renew, one does, and the others see what it saved. I1: the transaction is committed before anybody gets to use the tokens.
     */
    async change(
      account: string,
      decide: (kept: KeptTokens | undefined) => Promise<Tokens | undefined>,
    ): Promise<KeptTokens | undefined> {
      return inTransaction(database, async (sql) => {
        const kept = await find(sql, account, 'for update');
        const tokens = await decide(kept);
        return tokens === undefined ? kept : save(sql, account, tokens);
      });
    },

    /** Keeps new tokens in the place of whatever was there, even of what no key opens any more. */
    async put(account: string, tokens: Tokens): Promise<void> {
      await save(database, account, tokens);
    },

    /** True for the first who names a state; states that expired are forgotten. */
    async useState(id: string, expiresAt: number): Promise<boolean> {
      return inTransaction(database, async (sql) => {
        await sql.query('delete from tributary.oauth_states where expires_at < now()');
        const { rowCount } = await sql.query(
          `insert into tributary.oauth_states (id, expires_at) values ($1, to_timestamp($2::float8 / 1000.0)) on conflict do nothing`,
          [id, expiresAt],
        );
        return rowCount === 1;
      });
    },
  };
}
