/** The addresses of the stack under test; `npm test` sets them. */
export function testStack(): { kafkaBrokers: string; schemaRegistryUrl: string; databaseUrl: string } {
  const {
    KAFKA_BROKERS: kafkaBrokers,
    SCHEMA_REGISTRY_URL: schemaRegistryUrl,
    DATABASE_URL: databaseUrl,
  } = process.env;
  if (kafkaBrokers === undefined || schemaRegistryUrl === undefined || databaseUrl === undefined) {
    throw new Error('this test needs a stack: run `npm test`, or eval "$(npm run -s tributary -- stack env)" first');
  }
  return { kafkaBrokers, schemaRegistryUrl, databaseUrl };
}
