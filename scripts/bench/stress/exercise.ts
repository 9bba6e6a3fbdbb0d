/** Requests whose bodies, and whose answers, belong to their numbers alone: `serve.py` does the same. */

const encoder = new TextEncoder();

/** A request, and its right answer. */
export interface Exercise {
  readonly request: Uint8Array<ArrayBuffer>;
  readonly answer: Uint8Array<ArrayBuffer>;
}

/**
 * Makes one.
 *
 * @param filling how much of the request's body has no meaning, in bytes
 * @param size how long the answer is behind its first line, in bytes
 * @param pauseMs how long its execution takes
 */
export function makeExercise(number: number, filling: number, size: number, pauseMs: number): Exercise {
  return {
    request: withFilling(`${number} ${size} ${pauseMs}\n`, number, filling),
    answer: withFilling(`${number}\n`, number, size),
  };
}

/** A line, and so many bytes that a number is repeated in. */
function withFilling(line: string, number: number, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(line.length + size);
  encoder.encodeInto(line, bytes);
  const filling = bytes.subarray(line.length);
  const first = encoder.encode(`${number},`).subarray(0, size);
  filling.set(first);
  // Each copy doubles what is there.
  for (let done = first.length; done > 0 && done < size; done *= 2) filling.copyWithin(done, 0, done);
  return bytes;
}

/** Puts pieces together. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
