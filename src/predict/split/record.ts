/** A record of an input: what becomes one request. */

/** A record as it was found in an input. */
export interface Found {
  /** The body of its request. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** The bytes that belong to this record alone, without what is repeated for each; `--join` shows them. */
  readonly own: Uint8Array<ArrayBuffer>;
  /** Why it can't be sent, for one that is too long or has no end. */
  readonly broken?: string | undefined;
}

/** Splits an input into records. The pieces of the input end anywhere. */
export type Split = (pieces: AsyncIterable<Uint8Array>, maxBytes: number) => AsyncIterable<Found>;

const NOTHING = new Uint8Array(0);

/** A record that can't be sent. */
export function broken(why: string): Found {
  return { body: NOTHING, own: NOTHING, broken: why };
}

/** Says that a record is longer than the longest that is sent. */
export function tooLong(bytes: number, maxBytes: number): Found {
  return broken(`The record has ${bytes} bytes, and the longest that is sent has ${maxBytes} (--max-body)`);
}
