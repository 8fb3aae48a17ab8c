import { AppError } from '#libs/runtime/src/errors.ts';
import type { Settings } from '#libs/runtime/src/settings.ts';
import { createPool, type Database } from '#libs/storage/src/pool.ts';
import { chooseStack } from '#testcontainers/stack/choice.ts';
import { findStack, type StackInfo } from '#testcontainers/stack/stack.ts';

/** The stack that is already there: external by settings, or the running embedded one. Never starts one. */
export async function existingStack(settings: Settings): Promise<StackInfo> {
  const choice = chooseStack(process.env);
  if (choice.kind === 'external') return choice.info;
  const running = await findStack(settings.DATA_DIR);
  if (running !== undefined) return running;
  throw new AppError(
    'stack_unavailable',
    `no stack runs in ${settings.DATA_DIR}: run \`npm start\`, or \`npm run -s tributary -- stack up\``,
  );
}

/** Connections to the database of a stack while a command works with them. */
export async function withDatabase<T>(
  { databaseUrl }: Pick<StackInfo, 'databaseUrl'>,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = createPool({ databaseUrl, applicationName: 'tributary-cli', max: 4 });
  try {
    return await work(database);
  } finally {
    await database.end();
  }
}
