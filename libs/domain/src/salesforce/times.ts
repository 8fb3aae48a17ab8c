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

const [DASH, COLON, POINT, T, NINE, ZERO] = [0x2d, 0x3a, 0x2e, 0x54, 0x39, 0x30];
const MONTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The day of a text that begins with YYYY-MM-DD, of the years 0 to 9999; undefined where it does not, or no calendar has the day. */
export function dayOf(text: string): number | undefined {
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return undefined;
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)];
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return undefined;
  // Years that begin in March end with the day that some of them have more.
  const march = month > 2 ? year : year - 1;
  const leaps = Math.floor(march / 4) - Math.floor(march / 100) + Math.floor(march / 400);
  return march * 365 + leaps + Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 719_469;
}

/** The instant of a text that begins with YYYY-MM-DDThh:mm:ss.fff, in UTC; undefined where it does not. */
export function instantOf(text: string): number | undefined {
  if (text.charCodeAt(10) !== T || text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return undefined;
  const day = dayOf(text);
  if (day === undefined || text.charCodeAt(19) !== POINT) return undefined;
  const [hour, minute, second] = [digits(text, 11, 13), digits(text, 14, 16), digits(text, 17, 19)];
  const ms = digits(text, 20, 23);
  if (!(hour <= 23 && minute <= 59 && second <= 59 && ms >= 0)) return undefined;
  return day * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + ms;
}

function daysIn(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeap ? 29 : MONTHS[month - 1]!;
}

/** A number of decimal digits; NaN where one is none. */
function digits(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at += 1) {
    const unit = text.charCodeAt(at);
    if (!(unit >= ZERO && unit <= NINE)) return NaN;
    number = number * 10 + unit - ZERO;
  }
  return number;
}
