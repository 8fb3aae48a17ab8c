import { Migration } from '@mikro-orm/migrations';

/** OAuth tokens, encrypted at rest, and the states of installs that were finished. */
export class Migration20261125OauthTokens extends Migration {
  override up(): void {
    this.addSql(`create table tributary.oauth_tokens (
      provider text, account text,
      key_id text not null, access_token bytea not null, refresh_token bytea not null,
      expires_at timestamptz not null, scopes text[] not null default '{}', updated_at timestamptz not null default now(),
      primary key (provider, account)
    )`);
    this.addSql(`comment on table tributary.oauth_tokens is
      'OAuth tokens by account: AES-256-GCM (nonce, ciphertext, tag) under the key key_id of TOKEN_KEYS, bound to provider, account and column. Locked while a token is renewed.'`);
    this.addSql(`create table tributary.oauth_states (id uuid primary key, expires_at timestamptz not null)`);
    this.addSql(`comment on table tributary.oauth_states is
      'States of OAuth installs that were finished: each one works once. Forgotten when they would have expired.'`);
  }
}
