/** Finds exports of `src/` whose doc comment is too short to be understood without the code. */

import type { ProjectFile } from "./files.ts";

/** A doc comment with fewer words is not a sentence. */
const LEAST_WORDS = 4;

/** Matches the beginning of an exported declaration, and captures its name. */
const EXPORT =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|interface|type|const|let|enum) (?:enum )?([\w$]+)/;

/**
 * Finds exports without a doc comment, or with one of fewer than four words.
 *
 * @param files all files of the project; those below `src/` are looked at
 * @returns what is wrong, one line each
 */
export function findPoorDocComments(files: readonly ProjectFile[]): readonly string[] {
  const problems: string[] = [];
  for (const { path, text } of files) {
    if (text === undefined || !/^src\/.*\.tsx?$/.test(path)) continue;
    const lines = text.split("\n");
    for (const [index, line] of lines.entries()) {
      const name = EXPORT.exec(line)?.[1];
      // The second and later signatures of a function share the first one's comment.
      if (name === undefined || isOverload(lines, index, name)) continue;
      const words = wordsOf(commentAbove(lines, index));
      if (words >= LEAST_WORDS) continue;
      const fault = words === 0 ? "no doc comment" : `a doc comment of ${words} words`;
      problems.push(`${path}:${index + 1}: '${name}' has ${fault}: say what it is in at least ${LEAST_WORDS}`);
    }
  }
  return problems;
}

function isOverload(lines: readonly string[], index: number, name: string): boolean {
  return lines.slice(0, index).some((line) => EXPORT.exec(line)?.[1] === name);
}

/** The text of the doc comment that ends on the line above; empty if there is none. */
function commentAbove(lines: readonly string[], index: number): string {
  if (!lines[index - 1]?.trimEnd().endsWith("*/")) return "";
  let from = index - 1;
  while (from > 0 && !lines[from]!.trimStart().startsWith("/**")) from--;
  return lines.slice(from, index).join("\n").replaceAll(/^\s*\/?\*+\/?|\*\/\s*$/gm, "");
}

/** How many words stand before the first tag. */
function wordsOf(comment: string): number {
  const [description = ""] = comment.split(/(?<!\{)@\w+/);
  return description.match(/[\p{L}\p{N}][\p{L}\p{N}'’.-]*/gu)?.length ?? 0;
}
