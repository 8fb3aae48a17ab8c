import { runService } from '#libs/runtime/src/service.ts';
import { salesforceAccess } from '#libs/runtime/src/salesforce-settings.ts';
import { accountsOf, ghlAccounts, inactiveStatuses } from '#libs/runtime/src/settings.ts';
import { apiService } from './component.ts';
import { ghlInstall } from './oauth-routes.ts';

process.exitCode = await runService('api', process.env, ({ settings, stack, platform }) => {
  const accounts = ghlAccounts(settings);
  return apiService({
    databaseUrl: stack.databaseUrl,
    platform,
    install: ghlInstall(settings, settings.GHL_API_BASE_URL, platform.database),
    inactiveStatuses: inactiveStatuses(settings, accounts),
    accounts: accountsOf(accounts, salesforceAccess(settings)),
  });
});
