// Of its own: where tests run, a global is looked up anew in the sandbox at each use, ten times slower than the sum itself.
const { imul } = Math;

/**
 * A number of 32 bits that depends on the three given ones only: values can be made for any record at any time, in any order, and
 * a world of a million contacts needs no memory.
 */
export function mix(seed: number, index: number, salt: number): number {
  let hash = imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ imul(index + 0x7f4a7c15, 0xc2b2ae35) ^ imul(salt + 1, 0x27d4eb2f);
  hash = imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** One of the items. */
export function pick<T>(items: readonly T[], hash: number): T {
  return items[hash % items.length]!;
}
