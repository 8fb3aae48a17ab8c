import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackAccess } from '#libs/runtime/src/access.ts';
import { isAlive, type ProcessMark } from './lock.ts';

/** A stack, and who started it. */
export interface StackInfo extends StackAccess {
  kind: 'embedded' | 'external';
}

/** Ports of the embedded stack, all on 127.0.0.1. */
export interface Ports {
  postgres: number;
  kafka: number;
  controller: number;
  registry: number;
  registryManagement: number;
}

/** What DATA_DIR/stack.json says of an embedded stack: there from the first server's start to the last one's end. */
export interface StackFile {
  info: StackInfo;
  owner: ProcessMark;
  /** True between the moment all three answer and the beginning of the stop. */
  ready: boolean;
  ports: Ports;
  versions: { kafka: string; registry: string };
  servers: (ProcessMark & { name: string })[];
}

/** Reads the file; undefined when there is none, or none that this version can read. */
export function readStackFile(dataDir: string): StackFile | undefined {
  const file = readJson<Partial<StackFile>>(join(dataDir, 'stack.json'));
  return file?.info === undefined || file.owner === undefined || file.servers === undefined
    ? undefined
    : (file as StackFile);
}

/** Replaces the file in one step; only its owner may read it. */
export function writeStackFile(dataDir: string, file: StackFile): void {
  writeJson(join(dataDir, 'stack.json'), file);
}

/** Forgets the stack. */
export function removeStackFile(dataDir: string): void {
  rmSync(join(dataDir, 'stack.json'), { force: true });
}

/** The servers of the file that still live: with a dead owner they are left-overs. */
export function liveServers(file: StackFile | undefined): (ProcessMark & { name: string })[] {
  return (file?.servers ?? []).filter(isAlive);
}

/** The JSON of a file; undefined when it is absent or no JSON. */
export function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

/** Writes JSON so that a reader sees the old or the new text, never a part; mode 600. */
export function writeJson(file: string, value: unknown): void {
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
