/** Finds broken links in Markdown. */

import { dirname, join } from "node:path/posix";
import type { ProjectFile } from "./files.ts";

/** `[text](target)`, `![text](target "title")`, `[name]: target`, `href="target"` and `src="target"`. */
const LINKS = [
  /\]\(\s*<?([^)<>\s]+)>?(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/g,
  /^ {0,3}\[[^\]]+\]:\s*<?([^>\s]+)>?/gm,
  /\b(?:href|src)="([^"]+)"/g,
];

/**
 * Finds relative links to files, folders and headings that do not exist.
 *
 * @param files all files of the project
 * @returns one line for each broken link
 */
export function findDeadLinks(files: readonly ProjectFile[]): readonly string[] {
  const known = new Set(files.map(({ path }) => path));
  const markdown = files.flatMap(({ path, text }) =>
    text !== undefined && path.endsWith(".md") ? [{ path, text }] : []
  );
  const anchors = new Map<string, ReadonlySet<string>>(markdown.map(({ path, text }) => [path, anchorsOf(text)]));
  const problems: string[] = [];
  for (const { path, text } of markdown) {
    const prose = withoutCode(text);
    for (const [at, link] of linksOf(prose)) {
      const reason = whyDead(path, link, known, anchors);
      if (reason !== undefined) problems.push(`${path}:${lineOf(prose, at)}: '${link}' ${reason}`);
    }
  }
  return problems;
}

function* linksOf(prose: string): Generator<readonly [at: number, link: string]> {
  for (const pattern of LINKS) {
    for (const match of prose.matchAll(pattern)) if (match[1] !== undefined) yield [match.index, match[1]];
  }
}

function whyDead(
  from: string,
  link: string,
  known: ReadonlySet<string>,
  anchors: ReadonlyMap<string, ReadonlySet<string>>,
): string | undefined {
  if (/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(link)) return undefined;
  if (link.startsWith("/")) return "is absolute, and means another place on each host: make it relative";
  const [target = "", anchor] = decode(link).split(/#(.*)/s, 2);
  const path = target === "" ? from : join(dirname(from), target.replace(/\?.*/, "")).replace(/\/$/, "");
  if (path.startsWith("..")) return "leads out of the project";
  if (!known.has(path)) {
    // A folder exists if a file is in it, and has no headings.
    const isFolder = path === "." || [...known].some((file) => file.startsWith(`${path}/`));
    return isFolder ? undefined : "is not there";
  }
  if (!anchor || !anchors.has(path)) return undefined;
  return anchors.get(path)?.has(anchor) ? undefined : `leads to no heading of '${path}'`;
}

function decode(link: string): string {
  try {
    return decodeURIComponent(link);
  } catch {
    return link;
  }
}

/** Replaces code by blanks, which keeps the line numbers. */
function withoutCode(text: string): string {
  const blank = (code: string) => code.replace(/[^\n]/g, " ");
  return text
    .replace(/^( {0,3}|.*?[-*>] +)(`{3,}|~{3,})[^\n]*\n[\s\S]*?(^\s*>?\s*\2[`~]*\s*$|(?![\s\S]))/gm, blank)
    .replace(/<!--[\s\S]*?-->/g, blank)
    .replace(/(`+)(?!`)[^\n]*?[^`]\1(?!`)/g, blank);
}

/** The anchors that a forge generates for headings, and those that are written explicitly. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const fenceless = text.replace(/^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?(^ {0,3}\1[`~]*\s*$|(?![\s\S]))/gm, "");
  for (const [, heading = ""] of fenceless.matchAll(/^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$/gm)) {
    const slug = heading
      .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(/<[^>]*>/g, "")
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
      .replaceAll(" ", "-");
    let unique = slug;
    for (let i = 1; anchors.has(unique); i++) unique = `${slug}-${i}`;
    anchors.add(unique);
  }
  for (const [, id = ""] of text.matchAll(/\b(?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}
