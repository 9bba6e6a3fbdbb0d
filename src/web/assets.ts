/** The files that the page loads: read when they are first asked for, and kept in memory, as they are and compressed. */

import { gunzipSync } from "node:zlib";
import { bundleScript, DOCS_STYLE, joinStyles, type ScriptName } from "./bundle.ts";
import { type SwaggerFile, swaggerFolder } from "./swagger.ts";

/** The name of a file that the page loads, in the folder `console/`. */
export type AssetName = ScriptName | "app.css" | "docs.css" | "icon.svg" | SwaggerFile;

/** A file, ready to be sent. */
export interface Asset {
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The bytes, compressed with gzip. */
  readonly gzip: Uint8Array<ArrayBuffer>;
  /** 16 hexadecimal digits of the SHA-256 of the bytes. */
  readonly hash: string;
}

/** The folder beside `src/` in the executable that has the files. */
const EMBEDDED = "console";

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="8" fill="#4056c8"/>
<path d="M9 22 16 9l7 13" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/>
<circle cx="16" cy="19" r="2.4" fill="#fff"/></svg>
`;

const JAVASCRIPT = "text/javascript; charset=utf-8";
const CSS = "text/css; charset=utf-8";

const SOURCES: Readonly<Record<AssetName, { type: string; read: () => Promise<Uint8Array<ArrayBuffer>> }>> = {
  "app.js": { type: JAVASCRIPT, read: () => script("app.js") },
  "app.css": { type: CSS, read: () => style() },
  "docs.css": { type: CSS, read: () => docsStyle() },
  "train.js": { type: JAVASCRIPT, read: () => script("train.js") },
  "docs.js": { type: JAVASCRIPT, read: () => script("docs.js") },
  "swagger-ui-bundle.js": { type: JAVASCRIPT, read: () => swagger("swagger-ui-bundle.js") },
  "swagger-ui.css": { type: CSS, read: () => swagger("swagger-ui.css") },
  "icon.svg": { type: "image/svg+xml", read: () => Promise.resolve(new TextEncoder().encode(ICON)) },
};

const loaded = new Map<AssetName, Promise<Asset>>();

/**
 * Returns a file; the first call for it reads it.
 *
 * @throws {Error} if the executable lacks it, or it can't be made from the sources
 */
export function loadAsset(name: AssetName): Promise<Asset> {
  let asset = loaded.get(name);
  if (asset === undefined) {
    asset = load(name);
    loaded.set(name, asset);
    // The next request tries again.
    asset.catch(() => loaded.delete(name));
  }
  return asset;
}

async function load(name: AssetName): Promise<Asset> {
  const { type, read } = SOURCES[name];
  const bytes = await read();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const compressed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return {
    contentType: type,
    bytes,
    gzip: await new Response(compressed).bytes(),
    hash: digest.subarray(0, 8).toHex(),
  };
}

function script(name: ScriptName): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.build.standalone ? Deno.readFile(`${embeddedRoot()}/${name}`) : bundleScript(import.meta.dirname!, name);
}

function docsStyle(): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(Deno.build.standalone ? `${embeddedRoot()}/docs.css` : `${import.meta.dirname}/${DOCS_STYLE}`);
}

async function swagger(name: SwaggerFile): Promise<Uint8Array<ArrayBuffer>> {
  if (!Deno.build.standalone) return await Deno.readFile(`${swaggerFolder()}/${name}`);
  return new Uint8Array(gunzipSync(await Deno.readFile(`${embeddedRoot()}/${name}.gz`)));
}

function style(): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.build.standalone
    ? Deno.readFile(`${embeddedRoot()}/app.css`)
    : Promise.resolve(joinStyles(import.meta.dirname!));
}

/** The executable's own folder of these files, upwards of this module. */
function embeddedRoot(): string {
  let folder = import.meta.dirname ?? "";
  while (folder.includes("/")) {
    const candidate = `${folder}/${EMBEDDED}`;
    try {
      if (Deno.statSync(`${candidate}/app.js`).isFile) return candidate;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    folder = folder.slice(0, folder.lastIndexOf("/"));
  }
  throw new Error("The console's files are missing from this executable: build it again");
}
