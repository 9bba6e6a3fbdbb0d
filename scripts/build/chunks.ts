/** Names the chunks of a bundle after their content alone. */

import { sha256 } from "./hash.ts";

/** The bundler's name for a chunk. Its hash depends on the paths of the checkout and the npm cache. */
const PART = /^(.+)-[0-9A-Z]{8}\.js$/;

/**
 * Renames all chunks in a folder, and updates the imports of them.
 *
 * @throws {Error} if two chunks would have the same name
 */
export async function renameChunks(folder: string): Promise<void> {
  const texts = new Map<string, string>();
  for (const { name } of Deno.readDirSync(folder)) texts.set(name, Deno.readTextFileSync(`${folder}/${name}`));
  const stems = new Map<string, string>();
  for (const name of texts.keys()) {
    const stem = PART.exec(name)?.[1];
    if (stem !== undefined) stems.set(name, stem);
  }
  const rename = (text: string, names: ReadonlyMap<string, string>) =>
    text.replaceAll(/(?<=\.\/)[^"'`/\s]+\.js(?=["'`])/g, (name) => names.get(name) ?? name);
  const renamed = new Map<string, string>();
  for (const [name, stem] of stems) {
    // What a part imports counts by its stem: its own name is not known yet.
    const bytes = new TextEncoder().encode(rename(texts.get(name) ?? "", stems));
    renamed.set(name, `${stem}-${(await sha256(bytes)).slice(0, 8)}.js`);
  }
  // Parts in which nothing is left, because others only take types from them, may share a name: they have no state.
  const filled = [...renamed].filter(([name]) => texts.get(name)?.trim() !== "").map(([, name]) => name);
  if (new Set(filled).size < filled.length) {
    throw new Error(`Can't name the parts of the bundle: two of '${[...stems.keys()].join("', '")}' are alike`);
  }
  for (const [name, text] of texts) {
    Deno.removeSync(`${folder}/${name}`);
    Deno.writeTextFileSync(`${folder}/${renamed.get(name) ?? name}`, rename(text, renamed));
  }
}
