/** Formats the text of help: its marked parts, and lines of a given width. */

import type { Message, MessageTerm } from "../options/message.ts";

/** How the marked parts of a text are shown. */
export interface Marks {
  /** Marks a literal: a word to type, a file's name, a variable. */
  readonly literal: (text: string) => string;
}

/** Marks for text without colours. */
export const PLAIN: Marks = { literal: (text) => `\`${text}\`` };

/** Formats a message as one line of text. */
export function textOf(message: Message, marks: Marks): string {
  return message.map((term) => partOf(term, marks)).join("").replaceAll(/\s*\n\s*/g, " ");
}

function partOf(term: MessageTerm, { literal }: Marks): string {
  switch (term.type) {
    case "text":
      return term.text;
    case "value":
      return literal(term.value);
    case "values":
      return term.values.map(literal).join(", ");
    case "optionName":
      return literal(term.optionName);
    case "optionNames":
      return literal(term.optionNames.at(-1) ?? "");
    case "metavar":
      return literal(term.metavar);
    case "envVar":
      return literal(term.envVar);
    case "commandLine":
      return literal(term.commandLine);
    case "lineBreak":
      return "\n";
    case "url":
      return term.url.href;
  }
}

/** Escape sequences for colours, which take no columns. */
// deno-lint-ignore no-control-regex
const COLORS = /\x1b\[[\d;]*m/g;

/** How many columns a text takes. */
export function widthOf(text: string): number {
  return [...text.replaceAll(COLORS, "")].length;
}

/** Breaks a text between words into lines of at most `width` columns; a longer word gets its own line. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}
