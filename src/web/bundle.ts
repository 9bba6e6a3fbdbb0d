/**
 * Makes the scripts and the style sheet of the console from `console/`. The build does so once, and the executable carries the result; from
 * sources, the first request for the page does.
 */

/** The scripts of the pages, and their entry points relative to `src/web/`. */
export const SCRIPTS = {
  "app.js": "console/main.tsx",
  "docs.js": "console/docs/main.ts",
  "train.js": "console/train/main.tsx",
} as const;

/** The style sheet of the page at `/docs`, relative to `src/web/`. */
export const DOCS_STYLE = "console/docs/style.css";

/** The name of a script. */
export type ScriptName = keyof typeof SCRIPTS;

/** The command line after `deno` that bundles a script; it prints the script, or writes it with more options. */
export function bundleArguments(web: string, name: ScriptName, ...options: readonly string[]): string[] {
  return ["bundle", "--quiet", "--platform", "browser", "--minify", ...options, `${web}/${SCRIPTS[name]}`];
}

/**
 * Bundles a script with its npm packages.
 *
 * @param web the folder `src/web`
 * @throws {Error} with what Deno said, if the sources can't be bundled
 */
export async function bundleScript(web: string, name: ScriptName): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: bundleArguments(web, name),
    stdin: "null",
  }).output();
  if (!success) throw new Error(`Can't bundle ${name}:\n${new TextDecoder().decode(stderr)}`);
  return stdout;
}

/** Joins the style sheets, in the order of their names. */
export function joinStyles(web: string): Uint8Array<ArrayBuffer> {
  const folder = `${web}/console/styles`;
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".css")).sort();
  return new TextEncoder().encode(names.map((name) => Deno.readTextFileSync(`${folder}/${name}`)).join("\n"));
}
