import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '#libs/runtime/src/errors.ts';

const POM = join(import.meta.dirname, '../../deploy/embedded/pom.xml');

/** Where Kafka's jars and the registry lie; fetched once through Maven into `downloadsDir`, kept per version. */
export async function download(downloadsDir: string, log: (line: string) => void): Promise<{ kafka: string; registry: string }> {
  const pom = readFileSync(POM, 'utf8');
  const version = (name: string): string => new RegExp(`<${name}.version>([^<]+)<`).exec(pom)?.[1] ?? '';
  const folder = resolve(downloadsDir, `kafka-${version('kafka')}-apicurio-${version('apicurio')}`);
  const stamp = join(folder, 'complete');
  if (!existsSync(stamp)) {
    log('Downloading Apache Kafka and the schema registry through Maven (about 210 MB, once) ...');
    mkdirSync(folder, { recursive: true });
    await promisify(execFile)('mvn', ['-q', '-B', '-f', POM, `-Dtarget=${folder}`, 'process-resources'], { maxBuffer: 16 * 1024 * 1024 }).catch(
      (error: { code?: string | number; stdout?: string }) => {
        const reason =
          error.code === 'ENOENT'
            ? 'Maven (mvn) is not installed: install it'
            : `Maven could not fetch them: ${(error.stdout ?? '').trim().split('\n')[0] ?? ''}`;
        throw new AppError('stack_unavailable', `${reason}, or set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL to services of your own`, {
          cause: error,
        });
      },
    );
    writeFileSync(stamp, new Date().toISOString());
  }
  return { kafka: join(folder, 'kafka'), registry: join(folder, 'registry') };
}
