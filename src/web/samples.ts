/** The files of a module that the console offers to send: `sample.*` and what `samples/` has. No other file can be read through it. */

import { contentTypeOf, isJson } from "../client/content_type.ts";
import type { Sample } from "./served.ts";

/** The folder of a module whose files are samples. */
const FOLDER = "samples";

/** The name of a module's JSON Schema, which describes the body of a request. */
const SCHEMA_NAME = "schema.json";

/** The largest sample and the largest schema, in bytes. Both are held in memory while they are sent. */
const MAX_SAMPLE = 16 * 2 ** 20;
const MAX_SCHEMA = 2 ** 20;

/** How many samples are listed, and how many entries of a folder are looked at to find them. */
const MAX_SAMPLES = 50;
const MAX_ENTRIES = 10_000;

/**
 * Lists a module's samples: those of JSON first, since they show what a request looks like, then in the order of their names.
 *
 * @param module the absolute path of the module's folder
 */
export function listSamples(module: string): Sample[] {
  const names = [
    ...namesIn(module).filter((name) => /^sample\./.test(name)),
    ...namesIn(`${module}/${FOLDER}`).map((name) => `${FOLDER}/${name}`),
  ];
  const samples: Sample[] = [];
  for (const name of names) {
    if (samples.length === MAX_SAMPLES) break;
    const found = inside(module, name);
    if (found !== undefined && found.size <= MAX_SAMPLE) {
      samples.push({ name, size: found.size, type: contentTypeOf(name) });
    }
  }
  return samples.sort((a, b) => Number(isJson(b.type)) - Number(isJson(a.type)));
}

/** Returns the content of a sample; undefined unless {@linkcode listSamples} lists it. */
export async function readSample(module: string, name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const sample = listSamples(module).find((sample) => sample.name === name);
  const found = sample && inside(module, sample.name);
  return found && await readUpTo(found.path, MAX_SAMPLE);
}

/** Whether a module has a schema of its requests. */
export function hasSchema(module: string): boolean {
  const found = inside(module, SCHEMA_NAME);
  return found !== undefined && found.size <= MAX_SCHEMA;
}

/** Returns the content of a module's schema; undefined if it has none, or a longer one than 1 MiB. */
export async function readSchema(module: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const found = hasSchema(module) ? inside(module, SCHEMA_NAME) : undefined;
  return found && await readUpTo(found.path, MAX_SCHEMA);
}

/** The names in a folder, without hidden ones, sorted; empty if there is no such folder. */
function namesIn(folder: string): string[] {
  const names: string[] = [];
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      if (!name.startsWith(".")) names.push(name);
      if (names.length === MAX_ENTRIES) break;
    }
  } catch {
    return [];
  }
  return names.sort();
}

/** A regular file of the module. A link counts if it leads to a file inside of the module. */
function inside(module: string, name: string): { readonly path: string; readonly size: number } | undefined {
  try {
    const path = Deno.realPathSync(`${module}/${name}`);
    if (!path.startsWith(`${Deno.realPathSync(module)}/`)) return undefined;
    const { isFile, size } = Deno.statSync(path);
    return isFile ? { path, size } : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a file; undefined if it can't be read, or has grown beyond `limit` bytes. */
async function readUpTo(path: string, limit: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    if (size > limit) return undefined;
    const bytes = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const read = await file.read(bytes.subarray(length));
      if (read === null) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } catch {
    return undefined;
  }
}
