/** One configuration for the three costs of test: *.unit.test.ts, *.int.test.ts, *.e2e.test.ts beside the source. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/libs', '<rootDir>/services', '<rootDir>/testcontainers', '<rootDir>/deploy'],
  testRegex: '\\.(unit|int|e2e)\\.test\\.ts$',
  // Tests run beside others, and machines differ: what hangs is found by it, what is slow is not failed.
  testTimeout: 20_000,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
};
