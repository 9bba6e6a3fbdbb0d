/**
 * Makes the console's script and style sheet from `console/`. The build does so once, and the executable carries the result; from
 * sources, the first request for the page does.
 */

/** The entry point of the console's script, relative to `src/web/`. */
const ENTRY = "console/main.tsx";

/** The command line after `deno` that bundles the script; it prints the script, or writes it with more options. */
export function bundleArguments(web: string, ...options: readonly string[]): string[] {
  return ["bundle", "--quiet", "--platform", "browser", "--minify", ...options, `${web}/${ENTRY}`];
}

/**
 * Bundles the console's script with its npm packages.
 *
 * @param web the folder `src/web`
 * @throws {Error} with what Deno said, if the sources can't be bundled
 */
export async function bundleScript(web: string): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: bundleArguments(web),
    stdin: "null",
  }).output();
  if (!success) throw new Error(`Can't bundle the console's script:\n${new TextDecoder().decode(stderr)}`);
  return stdout;
}

/** Joins the style sheets, in the order of their names. */
export function joinStyles(web: string): Uint8Array<ArrayBuffer> {
  const folder = `${web}/console/styles`;
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".css")).sort();
  return new TextEncoder().encode(names.map((name) => Deno.readTextFileSync(`${folder}/${name}`)).join("\n"));
}
