import { join } from 'node:path';
import { untilReady, type ServerProcess, type Supervisor } from './processes.ts';

/** What the schema registry needs to run. */
export interface RegistryOptions {
  java: string;
  /** Folder of the unpacked Apicurio Registry. */
  folder: string;
  port: number;
  postgresPort: number;
  password: string;
}

/** Base URL of the Confluent-compatible API. */
export function registryUrl(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`;
}

/** Starts the Apicurio Registry on its own database, so that schema ids survive restarts. */
export async function startRegistry(supervisor: Supervisor, options: RegistryOptions): Promise<ServerProcess> {
  const { java, folder, port, postgresPort, password } = options;
  const server = supervisor.start({
    name: 'registry',
    command: java,
    args: ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-jar', join(folder, 'quarkus-run.jar')],
    env: {
      QUARKUS_HTTP_PORT: String(port),
      QUARKUS_HTTP_HOST: '127.0.0.1',
      APICURIO_STORAGE_KIND: 'sql',
      APICURIO_STORAGE_SQL_KIND: 'postgresql',
      APICURIO_DATASOURCE_URL: `jdbc:postgresql://127.0.0.1:${postgresPort}/registry`,
      APICURIO_DATASOURCE_USERNAME: 'tributary',
      APICURIO_DATASOURCE_PASSWORD: password,
    },
    stopSignal: 'SIGTERM',
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
