/** Child process of the benchmark: a simulated Salesforce org, until the parent lets go. Speaks over IPC. */
import { startSalesforceSimulator } from '#testcontainers/simulators/salesforce/simulator.ts';
import { makeId, PREFIXES } from '#testcontainers/simulators/salesforce/ids.ts';
import { makeWorld } from '#testcontainers/simulators/salesforce/world.ts';

/** Contact of every world that lacks a last name: it would end a scan as incomplete. */
const NAMELESS = 5;

process.once('message', ({ contacts }: { contacts: number }) => {
  const world = makeWorld({ contacts });
  world.changeContact(makeId(PREFIXES.Contact, NAMELESS), { LastName: 'Named' });
  world.advance(3_600_000);
  void startSalesforceSimulator({ world }).then((simulator) => {
    // Jobs are complete at once: the time of the org is not ours.
    simulator.knobs.jobPolls = 0;
    process.send?.({ baseUrl: simulator.baseUrl });
    process.once('disconnect', () => void simulator.stop());
  });
});
