import { runService } from '#libs/runtime/src/service.ts';
import { ghlRulesByAccount } from '#libs/runtime/src/settings.ts';
import { projectorComponents } from './component.ts';

process.exitCode = await runService('projector', process.env, ({ settings, platform, logger }) => ({
  components: projectorComponents(platform, ghlRulesByAccount(settings), logger),
}));
