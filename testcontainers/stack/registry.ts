import { join } from 'node:path';
import { sharedClasses } from './java.ts';
import { untilReady, type ServerProcess, type Supervisor } from './processes.ts';

/** What the schema registry needs to run. */
export interface RegistryOptions {
  java: string;
  /** Folder of the unpacked Apicurio Registry. */
  folder: string;
  port: number;
  managementPort: number;
  postgresPort: number;
  password: string;
  env: NodeJS.ProcessEnv;
}

/** Base URL of the Confluent-compatible API. */
export function registryUrl(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`;
}

/** Starts the Apicurio Registry on its own database, so that schema ids survive restarts. */
export async function startRegistry(supervisor: Supervisor, options: RegistryOptions): Promise<ServerProcess> {
  const { java, folder, port, managementPort, postgresPort, password } = options;
  const server = supervisor.start({
    name: 'registry',
    command: java,
    args: [
      '-Xmx256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      ...sharedClasses(`${folder}.jsa`),
      '-jar',
      join(folder, 'quarkus-run.jar'),
    ],
    env: {
      ...options.env,
      QUARKUS_HTTP_PORT: String(port),
      QUARKUS_HTTP_HOST: '127.0.0.1',
      // Left alone, the management interface listens on port 9000 of every address.
      QUARKUS_MANAGEMENT_PORT: String(managementPort),
      QUARKUS_MANAGEMENT_HOST: '127.0.0.1',
      QUARKUS_HTTP_ACCESS_LOG_ENABLED: 'false',
      APICURIO_STORAGE_KIND: 'sql',
      APICURIO_STORAGE_SQL_KIND: 'postgresql',
      APICURIO_DATASOURCE_URL: `jdbc:postgresql://127.0.0.1:${postgresPort}/registry`,
      // Its default pool would take a quarter of PostgreSQL's connections.
      APICURIO_DATASOURCE_JDBC_INITIAL_SIZE: '2',
      APICURIO_DATASOURCE_JDBC_MIN_SIZE: '2',
      APICURIO_DATASOURCE_JDBC_MAX_SIZE: '10',
      APICURIO_DATASOURCE_USERNAME: 'tributary',
      APICURIO_DATASOURCE_PASSWORD: password,
    },
  });
  await untilReady(server, () => registryAnswers(registryUrl(port)), 90_000);
  return server;
}

/** True when the registry lists its subjects. */
export async function registryAnswers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(2_000) });
    return response.ok;
  } catch {
    return false;
  }
}

/** What an Apicurio Registry says of itself; null when it is another product, or down. */
export async function registryVersion(url: string): Promise<string | null> {
  try {
    const response = await fetch(new URL('/apis/registry/v3/system/info', url), { signal: AbortSignal.timeout(3_000) });
    const { version } = (await response.json()) as { version?: unknown };
    return typeof version === 'string' ? version : null;
  } catch {
    return null;
  }
}
