import { inChild } from './child.ts';
import type { Bench } from './main.ts';
import type { Measured, Task } from './projecting.ts';
import type { Replayed, Replaying } from './replaying.ts';
import { PHASES, publish } from './vendors.ts';

/** Replay into a shadow table: every row of the topic again, and the comparison with the live table. */
export async function benchRebuild({ platform, addresses, serverPids, rows, rounds, say }: Bench): Promise<void> {
  await publish(platform, rows, PHASES[0]!);
  await inChild<Task, Measured>('projecting.ts', { addresses, rows, serverPids, plain: false });
  await platform.database.query('vacuum (analyze) vendors');
  for (let round = 1; round <= rounds; round += 1) {
    const { seconds, records, equal, peakBytes } = await inChild<Replaying, Replayed>('replaying.ts', {
      addresses,
      tables: ['vendors', 'leads'],
    });
    say(
      `round ${round}  ${records} records rebuilt and compared in ${seconds} s, ${equal ? 'equal' : 'DIFFERENT'}   peak ${Math.round(peakBytes / 2 ** 20)} MiB`,
    );
  }
}
