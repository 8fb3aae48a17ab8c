import type { Random } from './random.ts';

/** An opportunity as its contact keeps it. */
export interface StoredOpportunity {
  id: string;
  pipelineId: string;
  pipelineStageId: string;
  status: string;
  monetaryValue: number;
}

/** The pipelines of every simulated location; stages have UUIDs (ghl section 1). */
export const PIPELINES = [
  {
    id: 'PipelineOfNewWork000',
    name: 'New Work',
    stages: [
      { id: '7915dedc-8f18-44d5-8bc3-77c04e994a10', name: 'Asked', position: 0 },
      { id: 'e93ba61a-53b3-45e7-985a-c7732dbcdb69', name: 'Assigned', position: 1 },
    ],
  },
  {
    id: 'PipelineOfOldWork000',
    name: 'Repeat Work',
    stages: [{ id: '0c5b5a3e-6d6c-4a0e-9a55-1f5a4b3c2d1e', name: 'Asked', position: 0 }],
  },
] as const;

/** An opportunity somewhere in the pipelines. */
export function opportunity(random: Random): StoredOpportunity {
  const pipeline = random.pick(PIPELINES);
  return {
    id: random.id(),
    pipelineId: pipeline.id,
    pipelineStageId: random.pick<{ id: string }>(pipeline.stages).id,
    status: random.pick(['open', 'open', 'won', 'lost', 'abandoned']),
    monetaryValue: random.below(5000),
  };
}
