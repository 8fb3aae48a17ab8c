/**
 * Everything several sources give, in turns: an item of the first, which then stands behind the others, and so on. Each works on its
 * next item while those of the others are handled, but the order does not depend on which is fastest.
 */
export async function* merge<T>(sources: readonly AsyncGenerator<T, void>[]): AsyncGenerator<T> {
  const turns = sources.map(workOn);
  try {
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
      const { source, item } = turn;
      const { done, value } = await item;
      if (done === true) continue;
      turns.push(workOn(source));
      yield value;
    }
  } finally {
    await Promise.allSettled(turns.map(({ source }) => source.return()));
  }
}

interface Turn<T> {
  source: AsyncGenerator<T, void>;
  item: Promise<IteratorResult<T, void>>;
}

function workOn<T>(source: AsyncGenerator<T, void>): Turn<T> {
  const item = source.next();
  // An error is told when it is its turn, or not at all when another one was before.
  item.catch(() => undefined);
  return { source, item };
}
