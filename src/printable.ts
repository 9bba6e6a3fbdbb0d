/**
 * Text from outside, made safe to show: a name in an archive or a line of a script must not move a terminal's cursor, set its
 * title, or pass for a line of ours.
 */

/** Control characters (C0 but for tab, DEL, C1), other ends of lines, and what turns the direction of text around. */
const UNSAFE = "[\\x00-\\x08\\x0a-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]";
const ALL = new RegExp(UNSAFE, "g");
const ALL_BUT_LINES = new RegExp(UNSAFE.replace("\\x0a", "\\x0b"), "g");
/** Select Graphic Rendition (ECMA-48): colours and weights, which end with the text. */
// deno-lint-ignore no-control-regex
const SGR = /\x1b\[[\d;:]{0,64}m/;
const ALL_BUT_COLORS = new RegExp(`${SGR.source}|${UNSAFE}`, "g");
const RESET = "\x1b[0m";

/** Text for one line: what would control the terminal is shown as `\xNN` or `\uNNNN`. */
export function printable(text: string): string {
  return text.replace(ALL, shown);
}

/** The same for text of several lines. */
export function printableLines(text: string): string {
  return text.replace(ALL_BUT_LINES, shown);
}

/** The same for a line whose colours stay. */
export function printableColors(text: string): string {
  return text.replace(ALL_BUT_COLORS, (found) => found.length > 1 ? found : shown(found));
}

/** JSON in which what `JSON.stringify()` leaves as it is can't control a terminal either. */
export function printableJson(json: string): string {
  return json.replace(ALL, (character) => `\\u${hex(character, 4)}`);
}

/** A line with an end to its colours: they must not go on in the next one. */
export function resetColors(line: string): string {
  return !line.includes("\x1b[") || line.endsWith(RESET) ? line : `${line}${RESET}`;
}

/** A character as its number. */
function shown(character: string): string {
  return character < "\x80" ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, "0");
}
