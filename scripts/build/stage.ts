/** Collects the content of the executable: the bundled program, the console's files and the Python package. */

import { gzipSync } from "node:zlib";
import { renameChunks } from "./chunks.ts";
import { runOrThrow } from "./process.ts";
import { DIGEST_NAME, digestOfPackage } from "../../src/bridge/assets.ts";
import { bundleArguments, DOCS_STYLE, joinStyles, type ScriptName, SCRIPTS } from "../../src/web/bundle.ts";
import { SWAGGER_FILES, swaggerFolder } from "../../src/web/swagger.ts";

/** The modification time of all embedded files, in seconds. It is fixed, since the executable contains it and must depend only on content. */
const MODIFIED = Date.UTC(2000, 0) / 1000;

/** The program's file, and the folders to embed, relative to the folder that {@linkcode stage} has filled. */
export const STAGED = { main: "src/main.js", threads: "threads", python: "python", console: "console" } as const;

/**
 * Bundles `src/main.ts` with the npm packages that it uses, split so that what is imported late is loaded late, and copies
 * the Python package.
 *
 * @param root the project's root
 * @param folder an empty one
 * @throws {Error} with Deno's output, if the sources can't be bundled
 */
export async function stage(root: string, folder: string): Promise<void> {
  await bundle(root, "src/main.ts", "--code-splitting", "--outdir", `${folder}/src`);
  // The code of each worker thread is a separate program.
  for (const room of ["archive/gzip", "archive/files", "http/v2"]) {
    const name = room.slice(room.lastIndexOf("/") + 1);
    await bundle(root, `src/${room}/worker.ts`, "--output", `${folder}/${STAGED.threads}/${name}_worker.js`);
  }
  // For browsers: packages then use nothing of Node, whose modules would slow down the server.
  await bundle(root, "src/tracing/otlp.ts", "--platform", "browser", "--output", `${folder}/${STAGED.threads}/otlp.js`);
  await bundle(root, "src/storage/aws.ts", "--output", `${folder}/${STAGED.threads}/aws.js`);
  await bundleConsole(root, `${folder}/${STAGED.console}`);
  await renameChunks(`${folder}/src`);
  const python = `${folder}/${STAGED.python}`;
  copyPython(`${root}/python/aimodellib`, `${python}/aimodellib`);
  Deno.writeTextFileSync(`${python}/${DIGEST_NAME}`, await digestOfPackage(python));
  // Makes the folder a workspace: otherwise Deno finds that of the project, and refuses a folder that it does not list.
  Deno.writeTextFileSync(`${folder}/deno.json`, `{ "workspace": [] }\n`);
  forgetTimes(folder);
}

async function bundle(root: string, entry: string, ...options: readonly string[]): Promise<void> {
  const args = ["bundle", "--quiet", ...frozen(), "--minify", ...options, entry];
  await runOrThrow(`bundle ${entry}`, Deno.execPath(), args, { cwd: root });
}

/** Builds the console's scripts and style sheet, and compresses the files of Swagger UI. */
async function bundleConsole(root: string, folder: string): Promise<void> {
  Deno.mkdirSync(folder, { recursive: true });
  for (const name of Object.keys(SCRIPTS) as ScriptName[]) {
    const args = bundleArguments("src/web", name, ...frozen(), "--output", `${folder}/${name}`);
    await runOrThrow(`bundle ${name}`, Deno.execPath(), args, { cwd: root });
  }
  Deno.copyFileSync(`${root}/src/web/${DOCS_STYLE}`, `${folder}/docs.css`);
  for (const name of SWAGGER_FILES) {
    const bytes = Deno.readFileSync(`${swaggerFolder()}/${name}`);
    Deno.writeFileSync(`${folder}/${name}.gz`, gzipSync(bytes, { level: 9 }));
  }
  Deno.writeFileSync(`${folder}/app.css`, joinStyles(`${root}/src/web`));
}

function frozen(): readonly string[] {
  return Deno.env.has("CI") ? ["--frozen"] : [];
}

function forgetTimes(folder: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) forgetTimes(path);
    Deno.utimeSync(path, MODIFIED, MODIFIED);
  }
}

function copyPython(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory, isFile } of Deno.readDirSync(from)) {
    if (isDirectory && name !== "__pycache__" && !name.startsWith(".")) copyPython(`${from}/${name}`, `${to}/${name}`);
    if (isFile && (name.endsWith(".py") || name === "py.typed")) Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}
