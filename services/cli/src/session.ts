import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ghlAccounts, ghlRules, type GhlAccount, type Settings } from '#libs/runtime/src/settings.ts';
import { requireSalesforce, salesforceAccess, type SalesforceAccess } from '#libs/runtime/src/salesforce-settings.ts';
import { secret } from '#libs/runtime/src/secret.ts';

/** What a running `npm start` tells later commands: where it listens and which simulators stand in for sources. */
export interface RunningFile {
  pid: number;
  apiUrl: string;
  /** Locations of the GoHighLevel simulator, when it stands in. */
  simulator: { baseUrl: string; locationId: string; token: string } | null;
  /** Where the Salesforce simulator logs in, and the org it plays, when it stands in. */
  salesforceSimulator?: SimulatedOrg | null;
  /** Sources that it reads. */
  sources?: string[];
}

/** A simulated org; whoever may use this machine may use it. */
export interface SimulatedOrg {
  account: string;
  loginUrl: string;
  clientId: string;
  clientSecret: string;
}

/** GoHighLevel as this command reaches it. */
export interface GhlAccess {
  baseUrl: string;
  accounts: GhlAccount[];
  simulated: boolean;
}

function runningFile(dataDir: string): string {
  return join(dataDir, 'running.json');
}

/** Writes what later commands need; removed when `npm start` ends. */
export function writeRunning(dataDir: string, running: RunningFile): () => void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(runningFile(dataDir), JSON.stringify(running, null, 2), { mode: 0o600 });
  return () => rmSync(runningFile(dataDir), { force: true });
}

/** What a running `npm start` wrote; undefined when none runs. */
export function readRunning(dataDir: string): RunningFile | undefined {
  try {
    const running = JSON.parse(readFileSync(runningFile(dataDir), 'utf8')) as RunningFile;
    process.kill(running.pid, 0);
    return running;
  } catch {
    return undefined;
  }
}

/** The locations the settings name, else those of the simulator that a running `npm start` has. */
export function ghlAccess(settings: Settings, running: RunningFile | undefined): GhlAccess {
  const accounts = ghlAccounts(settings);
  if (accounts.length > 0 || running?.simulator == null)
    return { baseUrl: settings.GHL_API_BASE_URL, accounts, simulated: false };
  const { baseUrl, locationId, token } = running.simulator;
  return { baseUrl, accounts: [{ locationId, token: secret(token), rules: ghlRules(settings) }], simulated: true };
}

/** The org that the settings describe, else the one of the simulator that a running `npm start` has; undefined without either. */
export function orgAccess(settings: Settings, running: RunningFile | undefined): SalesforceAccess | undefined {
  const simulated = running?.salesforceSimulator;
  return salesforceAccess(settings) ?? (simulated == null ? undefined : simulatedAccess(simulated));
}

/** The same; config error where there is neither. */
export function requireOrg(settings: Settings): SalesforceAccess {
  return orgAccess(settings, readRunning(settings.DATA_DIR)) ?? requireSalesforce(settings);
}

function simulatedAccess({ account, loginUrl, clientId, clientSecret }: SimulatedOrg): SalesforceAccess {
  return { account, loginUrl, login: { flow: 'client-credentials', clientId, clientSecret: secret(clientSecret) } };
}
