/** A process that owns a stack, for the tests that kill it: prints `ready`, then waits for its end. */
import { startStack } from './stack.ts';

const stack = await startStack({ dataDir: process.argv[2], env: process.env, log: () => undefined, fast: true });
setInterval(() => undefined, 60_000);
process.stdout.write(`ready ${stack.owned}\n`);
