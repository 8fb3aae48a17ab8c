import { runService } from '#libs/runtime/src/service.ts';
import { ghlAccounts } from '#libs/runtime/src/settings.ts';
import { salesforceAccess } from '#libs/runtime/src/salesforce-settings.ts';
import { connectorComponents, requireSource } from './component.ts';

process.exitCode = await runService('connector', process.env, ({ settings, platform, logger }) => {
  const ghl = { baseUrl: settings.GHL_API_BASE_URL, accounts: ghlAccounts(settings) };
  const salesforce = salesforceAccess(settings);
  requireSource(settings, { ghl, salesforce });
  return { components: connectorComponents({ settings, ghl, salesforce, platform, logger }) };
});
