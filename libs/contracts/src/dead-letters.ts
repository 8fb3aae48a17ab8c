/** What the headers of a dead letter say of it. Times are milliseconds. */
export interface LetterFacts {
  /** Topic, partition and offset of the dead letter itself, joined by colons. */
  id: string;
  /** Where the record was before. */
  topic: string;
  partition: number;
  offset: number;
  group: string;
  code: string;
  message: string | null;
  attempts: number | null;
  at: number;
  type: string | null;
  scanId: string | null;
  account: string | null;
  /** The dead letter it was before it was redriven, and failed again. */
  redrivenFrom: string | null;
}
