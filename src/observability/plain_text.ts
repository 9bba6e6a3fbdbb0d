/**
 * Converts terminal output to plain text for a file: without colours and other control sequences, and with the first and the last state of
 * a progress bar, and one now and then.
 */

import { printable } from "../printable.ts";
import { type LineSplitter, lineSplitter } from "./lines.ts";

/** Matches control sequences of ECMA-48 and xterm: CSI, OSC and other strings, and short escape sequences. */
const SEQUENCES =
  // deno-lint-ignore no-control-regex
  /\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|[\]PX^_](?:[^\x07\x1b]{0,4096})(?:\x07|\x1b\\)|[ -/]{1,4}[0-~]|[0-OQ-WYZ\\`-~])/g;

const encoder = new TextEncoder();

/** Makes a function that receives bytes in chunks; `write` gets whole lines with their line breaks. */
export function plainText(write: (bytes: Uint8Array) => void): LineSplitter {
  const clean = (text: string) => printable(withoutSequences(text));
  return lineSplitter((line) => write(encoder.encode(`${line}\n`)), undefined, clean);
}

/** Removes colors and other control sequences of terminals. */
export function withoutSequences(text: string): string {
  return text.includes("\x1b") ? text.replace(SEQUENCES, "") : text;
}
