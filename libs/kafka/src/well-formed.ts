import utils from 'avsc/lib/utils.js';

let guarded = false;

/**
 * avsc 5.7.9 writes half a character (a surrogate without its partner, which JSON may hold) into strings of up to 64 as bytes that
 * are no UTF-8, and readers of other languages refuse the record. Here it becomes U+FFFD, as avsc itself does in longer strings.
 */
export function guardText(): void {
  if (guarded) return;
  guarded = true;
  const { prototype } = utils.Tap;
  const write = prototype.writeString;
  prototype.writeString = function writeWellFormed(text: string): void {
    write.call(this, text.isWellFormed() ? text : text.toWellFormed());
  };
}
