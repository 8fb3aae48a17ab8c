import { runService } from '#libs/runtime/src/service.ts';
import { requireGhlAccounts } from '#libs/runtime/src/settings.ts';
import { connectorComponents } from './component.ts';

process.exitCode = await runService('connector', process.env, ({ settings, platform, logger }) => {
  const ghl = { baseUrl: settings.GHL_API_BASE_URL, accounts: requireGhlAccounts(settings) };
  return { components: connectorComponents({ settings, ghl, platform, logger }) };
});
