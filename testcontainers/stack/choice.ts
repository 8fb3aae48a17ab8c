import { stackAccess } from '#libs/runtime/src/access.ts';
import { AppError } from '#libs/runtime/src/errors.ts';
import { loadSettings } from '#libs/runtime/src/config.ts';
import { STACK_SETTINGS } from '#libs/runtime/src/settings.ts';
import { databaseAddress } from '#libs/storage/src/address.ts';
import type { StackInfo } from './stack-file.ts';

/** What the settings ask for: the addresses of an external stack, or an embedded one with its cache of downloads. */
export type StackChoice = { kind: 'external'; info: StackInfo } | { kind: 'embedded'; downloadsDir: string };

/** Which stack the settings ask for (architecture section 8): external when its three addresses are set, else embedded; STACK forces one. */
export function chooseStack(env: NodeJS.ProcessEnv): StackChoice {
  const settings = loadSettings(STACK_SETTINGS, env);
  const embedded: StackChoice = { kind: 'embedded', downloadsDir: settings.DOWNLOADS_DIR };
  const wanted = settings.STACK ?? '';
  if (wanted === 'docker') {
    throw new AppError(
      'config_invalid',
      'STACK=docker comes with a later version: use STACK=embedded (Java 21+ and Maven) or STACK=external',
    );
  }
  if (!['', 'external', 'embedded'].includes(wanted))
    throw new AppError('config_invalid', `STACK is ${wanted}: it must be external or embedded`);
  if (wanted === 'embedded') return embedded;

  const access = stackAccess(settings);
  if (!('missing' in access)) {
    // Said before anything connects; the address itself is never shown.
    databaseAddress(access.databaseUrl);
    return { kind: 'external', info: { kind: 'external', ...access } };
  }
  const { missing } = access;
  if (wanted === 'external' || missing.length < 3) {
    throw new AppError(
      'config_invalid',
      `an external stack needs ${missing.join(' and ')} as well (or set STACK=embedded to start one here)`,
    );
  }
  return embedded;
}
