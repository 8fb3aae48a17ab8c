import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '#libs/runtime/src/errors.ts';

/** Apicurio 3.3 is compiled for Java 21. */
const LEAST_JAVA = 21;

/** How Java is looked for; replaced in tests. */
export interface JavaProbe {
  env: NodeJS.ProcessEnv;
  candidates(pattern: string): string[];
  /** Major version of a java binary; undefined when it does not run. */
  version(java: string): number | undefined;
}

const PATTERNS = ['/usr/lib/jvm/*/bin/java', '/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java'];

/** The first java that is new enough: JAVA_HOME, PATH, then the usual folders of Debian and macOS. Throws java_missing. */
export function findJava(probe: JavaProbe): string {
  const home = probe.env['JAVA_HOME'] ?? '';
  const tooOld: string[] = [];
  for (const java of [
    ...(home === '' ? [] : [join(home, 'bin', 'java')]),
    'java',
    ...PATTERNS.flatMap((pattern) => probe.candidates(pattern)),
  ]) {
    const version = probe.version(java) ?? 0;
    if (version >= LEAST_JAVA) return java;
    if (version > 0) tooOld.push(`${java} is Java ${version}`);
  }
  throw new AppError(
    'java_missing',
    `the embedded stack needs Java ${LEAST_JAVA} or newer and found ${tooOld.length === 0 ? 'none' : `only older ones (${tooOld.join(', ')})`}: ` +
      `install a JDK ${LEAST_JAVA}+, set JAVA_HOME to one, or set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL to services of your own`,
  );
}

/** Looks on this machine. */
export function machineProbe(env: NodeJS.ProcessEnv): JavaProbe {
  return {
    env,
    candidates: (pattern) => globSync(pattern).sort().reverse(),
    version(java) {
      if (java.includes('/') && !existsSync(java)) return undefined;
      // Java prints its version on stderr.
      const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8', env });
      return majorOf(stderr ?? '');
    },
  };
}

/** Major version in what `java -version` prints. */
export function majorOf(text: string): number | undefined {
  const match = /version "(\d+)/.exec(text);
  return match === null ? undefined : Number(match[1]);
}

/**
 * Options that let a server start with the classes of its former run as they were in memory, which halves what a start costs. The
 * first run writes the file as it ends (some 60 MB); a file of another Java is written anew.
 */
export function sharedClasses(file: string): string[] {
  return ['-XX:+AutoCreateSharedArchive', `-XX:SharedArchiveFile=${file}`];
}
