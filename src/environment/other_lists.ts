/** Detects lists of packages of other tools, which this program does not install from. */

import { exists, stat } from "../files.ts";

/** The largest list that is read, in bytes. */
const MAX_BYTES = 1024 * 1024;

const CONDA = "list its packages in a requirements.txt, by their names on PyPI";

/** For each file, a test whether it lists packages, and advice. */
const LISTS: readonly (readonly [name: string, asks: (text: string) => boolean, advice: string])[] = [
  ["pyproject.toml", pyprojectAsks, "'uv export --no-hashes --no-emit-project -o requirements.txt' makes one of it"],
  ["environment.yml", condaAsks, CONDA],
  ["environment.yaml", condaAsks, CONDA],
  ["conda.yaml", condaAsks, CONDA],
  ["Pipfile", pipfileAsks, "'pipenv requirements > requirements.txt' makes one of it"],
];

/**
 * A sentence about a list of packages that this program does not read; undefined if the module has a `requirements.txt`, or no such list.
 *
 * @param module the module's folder
 * @param label the module's name in the sentence
 */
export function unreadList(module: string, label: string = `'${module}'`): string | undefined {
  if (exists(`${module}/requirements.txt`)) return undefined;
  for (const [name, asks, advice] of LISTS) {
    const text = read(`${module}/${name}`);
    if (text !== undefined && asks(text)) {
      return `${label} lists packages in ${name}, which aimodellib does not read; it installs from requirements.txt only ` +
        `(${advice})`;
    }
  }
  return undefined;
}

function read(path: string): string | undefined {
  const found = stat(path);
  if (found === undefined || !found.isFile || found.size > MAX_BYTES) return undefined;
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // Nothing depends on this file.
    return undefined;
  }
}

function condaAsks(text: string): boolean {
  return /^dependencies:[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*[ \t]*-/m.test(unified(text));
}

function pipfileAsks(text: string): boolean {
  return /^[ \t]*["\w]/m.test(sectionOf(unified(text), "packages"));
}

function pyprojectAsks(text: string): boolean {
  const toml = unified(text);
  // One item is enough; comments may precede it.
  if (/^dependencies[ \t]*=[ \t]*\[(?:\s|#.*\n)*["']/m.test(sectionOf(toml, "project"))) return true;
  return /^[ \t]*(?!"?python"?[ \t]*=)["\w]/m.test(sectionOf(toml, "tool.poetry.dependencies"));
}

/** The lines of a TOML table, up to the next one. */
function sectionOf(toml: string, name: string): string {
  const lines = toml.split("\n");
  const first = lines.findIndex((line) => line.replace(/#.*$/, "").trim() === `[${name}]`) + 1;
  if (first === 0) return "";
  const last = lines.findIndex((line, i) => i >= first && line.startsWith("["));
  return lines.slice(first, last < 0 ? undefined : last).join("\n");
}

function unified(text: string): string {
  return text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
}
