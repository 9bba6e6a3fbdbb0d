/** Bytes to send and to compare. */

import { Buffer } from "node:buffer";

/** Text as UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Text as Latin-1, where each character is one byte. `Buffer` takes several times as long. */
export function toLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The text of bytes in Latin-1. */
export function fromLatin1(bytes: Uint8Array): string {
  let text = "";
  // A call can't have many more arguments. Spreading a typed array takes longer than `apply`, whose type knows only lists.
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode.apply(undefined, bytes.subarray(i, i + 8192) as unknown as number[]);
  }
  return text;
}

/** Bytes without repetition, which show a wrong copy; the same seed gives the same bytes. */
export function pattern(length: number, seed = 0): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (Math.imul(seed, 2654435761) ^ 0x9e3779b9) >>> 0;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** Whether two arrays have the same bytes; much faster than `assert.deepEqual`. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Random numbers from 0 to less than 1; the same seed gives the same numbers. */
export function random(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A body of unknown length. */
export function chunks(length: number, size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent >= length) return controller.close();
      controller.enqueue(new Uint8Array(Math.min(size, length - sent)));
      sent += size;
    },
  });
}
