/**
 * Makes text from outside safe to print: a name in an archive or a line of a script must not move a terminal's cursor, set its
 * title, or imitate a line of this program.
 */

/** Control characters (C0 except tab, DEL, C1), line separators, and characters that change the direction of text. */
const UNSAFE = "[\\x00-\\x08\\x0a-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]";
const ALL = new RegExp(UNSAFE, "g");
const ALL_BUT_LINES = new RegExp(UNSAFE.replace("\\x0a", "\\x0b"), "g");
/** Select Graphic Rendition (ECMA-48): colors and font weights. */
// deno-lint-ignore no-control-regex
const SGR = /\x1b\[[\d;:]{0,64}m/;
const ALL_BUT_COLORS = new RegExp(`${SGR.source}|${UNSAFE}`, "g");
const RESET = "\x1b[0m";

/** Text for one line: characters that could control a terminal become `\xNN` or `\uNNNN`. */
export function printable(text: string): string {
  return text.replace(ALL, shown);
}

/** Like {@linkcode printable}, for text of several lines. */
export function printableLines(text: string): string {
  return text.replace(ALL_BUT_LINES, shown);
}

/** Like {@linkcode printable}, but keeps the colors of a line. */
export function printableColors(text: string): string {
  return text.replace(ALL_BUT_COLORS, (found) => found.length > 1 ? found : shown(found));
}

/** Escapes the characters in JSON that `JSON.stringify()` leaves and that could control a terminal. */
export function printableJson(json: string): string {
  return json.replace(ALL, (character) => `\\u${hex(character, 4)}`);
}

/** Resets the colors at the end of a line, which would otherwise continue in the next one. */
export function resetColors(line: string): string {
  return !line.includes("\x1b[") || line.endsWith(RESET) ? line : `${line}${RESET}`;
}

/** A character as the escape of its code. */
function shown(character: string): string {
  return character < "\x80" ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, "0");
}
