import type { Faults } from './faults.ts';
import type { Schema } from './objects.ts';
import type { World } from './world.ts';

/** Behaviour that can be changed while the simulator runs. */
export interface Knobs {
  /** Polls that show a bulk job InProgress before it is complete. */
  jobPolls: number;
  /** Rows of a result set when the request names no maxRecords, and of every set behind a parallel link. */
  resultSetRows: number;
  /** Largest REST page; wide rows make pages smaller than asked for. */
  restPageRows: number;
  /** Data requests a session lives; then it is expired. */
  tokenCalls: number;
  /** Milliseconds a session lives. */
  tokenMs: number;
  /** Refuses client credentials, as login.salesforce.com and test.salesforce.com do. */
  isGenericLoginHost: boolean;
  /** Answers with Content-Encoding: gzip when asked to. */
  gzip: boolean;
  /** Whether answers of bulk routes carry Sforce-Limit-Info (not confirmed on a real org). */
  limitInfoOnBulk: boolean;
  /** API requests and query jobs of a day. */
  apiRequestsMax: number;
  bulkJobsMax: number;
}

/** What the simulator counted. */
export interface Counters {
  /** API requests of the day; starts at what others used. */
  apiRequests: number;
  bulkJobs: number;
  bulkBytes: number;
  /** Attempts to write, in whatever way; a read-only client leaves it at 0. */
  writes: number;
  refreshes: number;
}

/** A request the simulator got. */
export interface LoggedRequest {
  method: string;
  /** Path and query. */
  url: string;
  status: number;
  at: number;
}

/** Who may log in. */
export interface Credentials {
  clientId: string;
  clientSecret: string;
  username: string;
  /** Password and security token, one behind the other. */
  password: string;
  refreshToken: string;
  /** PEM of the key that assertions are signed with; without one the JWT flow is refused. */
  jwtPublicKey: string | undefined;
  /** Whom assertions may be for: the login host of production or of sandboxes, and sites of the org; not its My Domain. */
  jwtAudiences: readonly string[];
}

/** What all routes share. */
export interface State {
  world: World;
  schema: Schema;
  faults: Faults;
  knobs: Knobs;
  counters: Counters;
  credentials: Credentials;
  requests: LoggedRequest[];
  /** Sessions by token. */
  sessions: Map<string, { expiresAt: number; calls: number }>;
  /** Text before `/services` in answers; known once the server listens. */
  baseUrl(): string;
}

/** Credentials of the simulated org, unless others are given. */
export const SIMULATED_CREDENTIALS: Credentials = {
  clientId: '3MVG9.simulated.client',
  clientSecret: 'simulated-secret',
  username: 'integration@example.test',
  password: 'simulated-passwordSIMULATEDTOKEN',
  refreshToken: '5Aep861.simulated.refresh',
  jwtPublicKey: undefined,
  jwtAudiences: ['https://login.salesforce.com'],
};
