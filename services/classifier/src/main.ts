import { runService } from '#libs/runtime/src/service.ts';
import { ghlRulesByAccount } from '#libs/runtime/src/settings.ts';
import { classifierComponents } from './component.ts';

process.exitCode = await runService('classifier', process.env, ({ settings, platform }) => ({
  components: classifierComponents(platform, ghlRulesByAccount(settings)),
}));
