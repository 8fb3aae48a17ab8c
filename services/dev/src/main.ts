import { parseArgs } from 'node:util';
import { reportFailure } from '#services/cli/src/failure.ts';
import { runDevelopment } from './development.ts';

try {
  const { values } = parseArgs({
    options: { once: { type: 'boolean', default: false }, 'no-sync': { type: 'boolean', default: false } },
  });
  process.exitCode = await runDevelopment({ once: values.once, sync: !values['no-sync'] });
} catch (error) {
  process.exitCode = reportFailure(error);
}
