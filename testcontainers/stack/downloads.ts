import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError } from '#libs/runtime/src/errors.ts';
import { logTail, type Supervisor } from './processes.ts';

const POM = join(import.meta.dirname, '../../deploy/embedded/pom.xml');

/** Where Kafka's jars and the registry lie, and which versions they are. */
export interface Downloads {
  kafka: string;
  registry: string;
  versions: { kafka: string; registry: string };
}

/**
 * Fetches Kafka and the registry through Maven, once per version; what an interrupted fetch left is thrown away first. `env` is
 * the user's own: Maven takes its proxies, mirrors and options from there.
 */
export async function download(
  supervisor: Supervisor,
  downloadsDir: string,
  env: NodeJS.ProcessEnv,
  log: (line: string) => void,
): Promise<Downloads> {
  const versions = pomVersions(readFileSync(POM, 'utf8'));
  const folder = resolve(downloadsDir, `kafka-${versions.kafka}-apicurio-${versions.registry}`);
  const stamp = join(folder, 'complete');
  if (!existsSync(stamp)) {
    log('Downloading Kafka and the schema registry (about 210 MB, once)');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await runMaven(supervisor, folder, env);
    writeFileSync(stamp, new Date().toISOString());
  }
  return { kafka: join(folder, 'kafka'), registry: join(folder, 'registry'), versions };
}

/** The versions the pom names. */
export function pomVersions(pom: string): { kafka: string; registry: string } {
  const version = (name: string): string => new RegExp(`<${name}.version>([^<]+)<`).exec(pom)?.[1] ?? 'unknown';
  return { kafka: version('kafka'), registry: version('apicurio') };
}

async function runMaven(supervisor: Supervisor, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const waysOut = 'or set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL to services of your own';
  const args = ['-q', '-B', '-f', POM, `-Dtarget=${folder}`, 'process-resources'];
  let maven;
  try {
    maven = supervisor.start({ name: 'download', command: 'mvn', args, env, task: true });
  } catch (error) {
    throw new AppError(
      'stack_unavailable',
      `the embedded stack needs Maven (mvn) for its first start: install it, ${waysOut}`,
      { cause: error },
    );
  }
  const code = await maven.ended;
  if (code === 0) return;
  throw new AppError(
    'stack_unavailable',
    `Maven could not fetch Kafka and the registry (see ${maven.logFile}): check the network, ${waysOut}\n${logTail(maven.logFile)}`,
  );
}
