const names = new Map<string, string>();

/** A short name per statement text, so that PostgreSQL plans it once per connection. */
export function statementName(text: string): string {
  const name = names.get(text) ?? `s${names.size + 1}`;
  names.set(text, name);
  return name;
}
