/** One configuration for the three costs of test: *.unit.test.ts, *.int.test.ts, *.e2e.test.ts beside the source. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/libs', '<rootDir>/services', '<rootDir>/testcontainers', '<rootDir>/deploy'],
  testRegex: '\\.(unit|int|e2e)\\.test\\.ts$',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
};
