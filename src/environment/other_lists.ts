/** Lists of packages that other tools read, and that nothing is installed from here. */

import { exists, stat } from "../files.ts";

/** A list of more bytes is not looked at. */
const MAX_BYTES = 1024 * 1024;

const CONDA = "list its packages in a requirements.txt, by their names on PyPI";

/** A file, how it is seen that it asks for packages, and what to do. */
const LISTS: readonly (readonly [name: string, asks: (text: string) => boolean, advice: string])[] = [
  ["pyproject.toml", pyprojectAsks, "'uv export --no-hashes --no-emit-project -o requirements.txt' makes one of it"],
  ["environment.yml", condaAsks, CONDA],
  ["environment.yaml", condaAsks, CONDA],
  ["conda.yaml", condaAsks, CONDA],
  ["Pipfile", pipfileAsks, "'pipenv requirements > requirements.txt' makes one of it"],
];

/**
 * Says what a module asks for in a file that is not read; undefined if it has a `requirements.txt`, or asks for nothing.
 *
 * @param module its folder
 * @param called what the message calls it
 */
export function unreadList(module: string, called: string = module): string | undefined {
  if (exists(`${module}/requirements.txt`)) return undefined;
  for (const [name, asks, advice] of LISTS) {
    const text = read(`${module}/${name}`);
    if (text !== undefined && asks(text)) {
      return `'${called}' asks for packages in ${name}, which is not read: they are installed from requirements.txt alone ` +
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
    // Nobody reads it: that it can't be read is no matter here.
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
  // Of the list only its first item matters: comments may precede it.
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
