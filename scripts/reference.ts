/**
 * Writes `docs/reference.md` and the manual pages from the commands' options, and the picture in README.md from its commands:
 * `scripts/deno task reference`.
 */

import { COMMANDS } from "../src/cli/commands.ts";
import { pageOf } from "../src/cli/help/page.ts";
import { BRIEF, ROOT_EXAMPLES } from "../src/cli/help/root.ts";
import { ROOT } from "./project.ts";
import { manPagesOf } from "./reference/man.ts";
import { pictureOf } from "./reference/picture.ts";
import { referenceOf } from "./reference/markdown.ts";

/** The generated files: paths relative to the project's root, and their content. */
export async function reference(): Promise<ReadonlyMap<string, string>> {
  const pages = await Promise.all(COMMANDS.map(async (listed) => pageOf(listed, await listed.load())));
  return new Map([
    ["docs/reference.md", referenceOf(pages)],
    ["docs/terminal.svg", pictureOf(Deno.readTextFileSync(`${ROOT}/README.md`), "Begin", 2)],
    ...manPagesOf(BRIEF, pages, ROOT_EXAMPLES).map(({ file, text }) => [`docs/man/${file}`, text] as const),
  ]);
}

if (import.meta.main) {
  const files = await reference();
  Deno.mkdirSync(`${ROOT}/docs/man`, { recursive: true });
  for (const { name } of Deno.readDirSync(`${ROOT}/docs/man`)) {
    if (!files.has(`docs/man/${name}`)) Deno.removeSync(`${ROOT}/docs/man/${name}`);
  }
  for (const [path, text] of files) Deno.writeTextFileSync(`${ROOT}/${path}`, text);
}
