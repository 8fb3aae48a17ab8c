import { randomUUID } from 'node:crypto';
import type { Sql } from '#libs/storage/src/pool.ts';

/** A login of one test's own. */
export interface Login {
  name: string;
  /** The database's address with this login. */
  url: string;
  /** Removes it with its privileges in the database that `sql` is connected to. */
  drop(): Promise<void>;
}

/** Makes a login that belongs to some group roles, as an administrator would. */
export async function createLogin(
  sql: Sql,
  databaseUrl: string,
  { roles, attributes = '' }: { roles: string[]; attributes?: string },
): Promise<Login> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await sql.query(
    `create role ${name} login password '${name}' ${attributes}${roles.length === 0 ? '' : ` in role ${roles.join(', ')}`}`,
  );
  const url = new URL(databaseUrl);
  url.username = name;
  url.password = name;
  return {
    name,
    url: url.href,
    async drop() {
      await sql.query(`drop owned by ${name} cascade`);
      await sql.query(`drop role ${name}`);
    },
  };
}
