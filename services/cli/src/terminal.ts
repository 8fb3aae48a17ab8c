/** What acts on a terminal or reorders a line: controls besides line ends and tabs, other line ends, marks of direction. */
const ACTING = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** The last step of all that is printed: texts from outside (contacts, answers, records) show what they hold and do nothing. JSON stays the same JSON. */
export function forTerminal(text: string): string {
  return text.replaceAll(ACTING, escaped);
}

/** A text from outside as a part of a line, which it cannot end. */
export function inLine(text: string): string {
  return forTerminal(text).replaceAll(/[\n\t]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
