/** Everything several sources give, in the order in which it comes; each works on its next item while this one is handled. */
export async function* merge<T>(sources: readonly AsyncGenerator<T, void>[]): AsyncGenerator<T> {
  interface Step {
    source: AsyncGenerator<T, void>;
    result: IteratorResult<T, void>;
  }
  const step = async (source: AsyncGenerator<T, void>): Promise<Step> => ({ source, result: await source.next() });
  const pending = new Map(sources.map((source) => [source, step(source)]));
  try {
    while (pending.size > 0) {
      const { source, result } = await Promise.race(pending.values());
      if (result.done === true) {
        pending.delete(source);
        continue;
      }
      pending.set(source, step(source));
      yield result.value;
    }
  } finally {
    // The others are let go of; the first error is the one that is told.
    for (const other of pending.values()) other.catch(() => undefined);
    await Promise.allSettled([...pending.keys()].map((source) => source.return()));
  }
}
