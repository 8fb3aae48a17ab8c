/**
 * Condition on a table (alias t): rows that hold a value of a list in a column, of any of these columns. `scope` names the rows among
 * which to look, such as those of an account. Each value is looked up by itself, and no statistics can change that: without them, as
 * in the first load of an account, the planner takes a list for a reason to read all rows of the scope, for every batch.
 */
export function holdsAny(table: string, scope: string, lists: readonly [column: string, list: string][]): string {
  const found = lists.map(
    ([column, list]) => `select r.ctid from unnest(${list}::text[]) as w (value)
      cross join lateral (select ctid from ${table} where ${scope} and ${column} = w.value offset 0) r`,
  );
  return `t.ctid = any(array(${found.join(' union all ')}))`;
}
