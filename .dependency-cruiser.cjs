/** The walls of the house (deploy/decisions, architecture): every rule says how to mend what it finds. */
const TESTS = '\\.test\\.ts$';
module.exports = {
  forbidden: [
    {
      name: 'domain-is-pure',
      comment:
        'libs/domain holds pure rules: pass time, ids and look-ups in as arguments, and import types from libs/contracts only.',
      severity: 'error',
      from: { path: '^libs/domain/', pathNot: [TESTS, '\\.fixture\\.ts$'] },
      to: { pathNot: '^libs/(domain|contracts)/' },
    },
    {
      name: 'contracts-import-nothing',
      comment: 'libs/contracts is what everybody agrees on: move code that needs more into the lib that needs it.',
      severity: 'error',
      from: { path: '^libs/contracts/', pathNot: TESTS },
      to: { pathNot: '^libs/contracts/' },
    },
    {
      name: 'only-kafka-imports-kafkajs',
      comment: 'Use the producer, the consumer loop and the codec of libs/kafka, so that the client can be exchanged.',
      severity: 'error',
      from: { path: '^(libs|services)/', pathNot: ['^libs/kafka/', '^libs/tooling/', TESTS] },
      to: { path: 'node_modules/(kafkajs|@kafkajs|avsc)/' },
    },
    {
      name: 'only-storage-imports-the-database',
      comment: 'Put the statement into libs/storage and call it from there.',
      severity: 'error',
      from: { path: '^(libs|services)/', pathNot: ['^libs/storage/', TESTS] },
      to: { path: 'node_modules/(pg|@mikro-orm)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'a-source-knows-only-its-kit',
      comment: 'A source never imports another one: what both need belongs into libs/sources/kit.',
      severity: 'error',
      from: { path: '^libs/sources/([^/]+)/', pathNot: TESTS },
      to: { path: '^libs/sources/', pathNot: '^libs/sources/($1|kit)/' },
    },
    {
      name: 'libs-never-import-services',
      comment: 'Move what the lib needs from the service into a lib.',
      severity: 'error',
      from: { path: '^libs/', pathNot: ['^libs/tooling/', TESTS] },
      to: { path: '^services/' },
    },
    {
      name: 'services-stand-alone',
      comment: 'Services talk through topics; only dev and cli compose others.',
      severity: 'error',
      from: { path: '^services/([^/]+)/', pathNot: ['^services/(dev|cli)/', TESTS] },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'testcontainers-are-for-tests-and-demo',
      comment: 'Only tests, tooling, dev and cli may use the stack and the simulators.',
      severity: 'error',
      from: { path: '^(libs|services)/', pathNot: ['^services/(dev|cli)/', '^libs/tooling/', TESTS] },
      to: { path: '^testcontainers/' },
    },
    {
      name: 'no-cycles',
      comment: 'Break the circle: move what both files need into a third one.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      comment: 'Nothing imports this file: delete it, or give it an entry point.',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.d\\.ts$', TESTS, 'main\\.ts$', '\\.fixture\\.(ts|mjs)$', '\\.mjs$'] },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
