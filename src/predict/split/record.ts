/** A record: the part of an input that becomes one request. */

/** A record as it was found in an input. */
export interface Found {
  /** The body of its request. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** The bytes of this record alone, without the header that each request repeats; `--join` shows them. */
  readonly own: Uint8Array<ArrayBuffer>;
  /** Why the record can't be sent: it is too long, or does not end. */
  readonly broken?: string | undefined;
}

/** Splits an input into records. The pieces of the input end anywhere; messages call it by its name. */
export type Split = (pieces: AsyncIterable<Uint8Array>, maxBytes: number, name: string) => AsyncIterable<Found>;

const NOTHING = new Uint8Array(0);

/** A record that can't be sent. */
export function broken(why: string): Found {
  return { body: NOTHING, own: NOTHING, broken: why };
}

/** Makes a record that can't be sent because it is longer than `maxBytes`. */
export function tooLong(bytes: number, maxBytes: number): Found {
  return broken(`The record has ${bytes} bytes; --max-body allows ${maxBytes}`);
}
