/** Makes requests whose body and right answer depend only on their number; `serve.py` computes the same answers. */

const encoder = new TextEncoder();

/** A request, and its right answer. */
export interface Exercise {
  readonly request: Uint8Array<ArrayBuffer>;
  readonly answer: Uint8Array<ArrayBuffer>;
}

/**
 * Makes a request and its right answer.
 *
 * @param filling the length of the request's padding, in bytes
 * @param size the length of the answer after its first line, in bytes
 * @param pauseMs how long its execution takes, in ms
 */
export function makeExercise(number: number, filling: number, size: number, pauseMs: number): Exercise {
  return {
    request: withFilling(`${number} ${size} ${pauseMs}\n`, number, filling),
    answer: withFilling(`${number}\n`, number, size),
  };
}

/** Returns a line, followed by so many bytes that repeat a number. */
function withFilling(line: string, number: number, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(line.length + size);
  encoder.encodeInto(line, bytes);
  const filling = bytes.subarray(line.length);
  const first = encoder.encode(`${number},`).subarray(0, size);
  filling.set(first);
  // Each copy doubles the filled part.
  for (let done = first.length; done > 0 && done < size; done *= 2) filling.copyWithin(done, 0, done);
  return bytes;
}

/** Joins pieces. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
