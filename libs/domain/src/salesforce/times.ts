const [DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS] = [86_400_000, 3_600_000, 60_000, 1_000];
const DAYS_KEPT = 4_096;

const days = new Map<number, string>();
const padded = (count: number, width: number): string[] =>
  Array.from({ length: count }, (_, number) => String(number).padStart(width, '0'));
const SIXTY = padded(60, 2);
const THOUSAND = padded(1000, 3);

/** Days since 1970-01-01 as YYYY-MM-DD; years that have more than four digits, or are before our era, as ISO 8601 signs them. */
export function dayText(day: number): string {
  const known = days.get(day);
  if (known !== undefined) return known;
  const [text = ''] = new Date(day * DAY_MS).toISOString().split('T');
  // Contacts share their days: most are of the last ten years.
  if (days.size >= DAYS_KEPT) days.clear();
  days.set(day, text);
  return text;
}

/** Milliseconds since 1970 as toISOString writes them, in a tenth of its time: a contact has five such times. */
export function instantText(ms: number): string {
  const day = Math.floor(ms / DAY_MS);
  let rest = ms - day * DAY_MS;
  const hour = Math.floor(rest / HOUR_MS);
  rest -= hour * HOUR_MS;
  const minute = Math.floor(rest / MINUTE_MS);
  rest -= minute * MINUTE_MS;
  const second = Math.floor(rest / SECOND_MS);
  return `${dayText(day)}T${SIXTY[hour]}:${SIXTY[minute]}:${SIXTY[second]}.${THOUSAND[rest - second * SECOND_MS]}Z`;
}
