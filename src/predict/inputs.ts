/** The inputs of a run: the files that the command line names, in order, and where the output of each goes. */

import { reasonOf, UsageError } from "../errors.ts";
import { isSameFile } from "../files.ts";
import { contentTypeOf, suffixOf } from "../client/content_type.ts";
import { type Split } from "./split/record.ts";
import { splitCsv } from "./split/csv.ts";
import { splitLines } from "./split/lines.ts";
import type { Readable } from "./source.ts";

/** How an input becomes records; with `none`, the whole input is one record. */
export type SplitName = "none" | "lines" | "csv";

/** How inputs are read. */
export interface InputOptions {
  readonly split?: SplitName | undefined;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
}

/** One input of a run. */
export interface Input extends Readable {
  /** The path of its output below the folder of all outputs, without a suffix. */
  readonly key: string;
  readonly split: SplitName;
  /** The content type of each request. */
  readonly contentType: string;
  readonly accept: string;
  /** The file's size as stored, and when it was last changed; undefined for an input that can be read only once, such as a pipe. */
  readonly file?: { readonly path: string; readonly bytes: number; readonly modifiedMs: number } | undefined;
}

const SPLITS: Readonly<Record<SplitName, Split | undefined>> = { none: undefined, lines: splitLines, csv: splitCsv };

/** Suffixes of files whose lines are records. */
const LINE_SUFFIXES: ReadonlySet<string> = new Set(["jsonl", "ndjson"]);

/** Content types of standard input whose lines are records by default. */
const LINE_TYPES =
  /^(?:text\/plain|application\/(?:[\w.-]+\+)?json|application\/(?:jsonl|x-ndjson|x-jsonlines|jsonlines))\s*(?:;|$)/i;

/** Returns the function that splits an input; undefined if it is one record. */
export function splitterOf(split: SplitName): Split | undefined {
  return SPLITS[split];
}

/** Makes an input from standard input. */
export function standardInput(options: InputOptions): Input {
  const byType = options.contentType === undefined || LINE_TYPES.test(options.contentType);
  const split = options.split ?? (byType ? "lines" : "none");
  return {
    name: "standard input",
    key: "stdin",
    split,
    contentType: options.contentType ?? (split === "csv" ? "text/csv" : "application/json"),
    accept: options.accept ?? (split === "none" ? "*/*" : "application/json"),
    open: () => Deno.stdin,
  };
}

/** Makes an input from a file. @param key the path of its output, by default the file's name */
export function fileInput(path: string, info: Deno.FileInfo, options: InputOptions, key = lastOf(path)): Input {
  const split = options.split ?? (LINE_SUFFIXES.has(suffixOf(path)) ? "lines" : "none");
  return {
    name: path,
    key,
    split,
    contentType: options.contentType ?? typeOfRecords(path, split),
    accept: options.accept ?? (split === "none" ? "*/*" : "application/json"),
    file: info.isFile ? { path, bytes: info.size, modifiedMs: info.mtime?.getTime() ?? 0 } : undefined,
    open: () => Deno.openSync(path),
  };
}

function typeOfRecords(path: string, split: SplitName): string {
  const type = contentTypeOf(path);
  if (split === "none") return type;
  if (split === "csv") return type === "text/tab-separated-values" ? type : "text/csv";
  return type.startsWith("text/") ? type : "application/json";
}

/**
 * Walks the files and folders that the command line names. The files of a folder come in the order of their names; names that begin with
 * a dot, and links to folders, are left out.
 *
 * @param without a folder to leave out: that of the outputs
 * @throws {UsageError} if something named is not there, or two outputs would have the same path
 */
export function* walkInputs(words: readonly string[], options: InputOptions, without?: string): Generator<Input> {
  const keys = words.length > 1 ? new Map<string, string>() : undefined;
  for (const word of words) {
    for (const input of walk(word, options, without)) {
      const before = keys?.get(input.key);
      if (before !== undefined) {
        throw new UsageError(
          `'${before}' and '${input.name}' would have the same output, '${input.key}.out': write them to different folders`,
        );
      }
      keys?.set(input.key, input.name);
      yield input;
    }
  }
}

function* walk(word: string, options: InputOptions, without: string | undefined): Generator<Input> {
  const info = statOf(word);
  if (!info.isDirectory) yield fileInput(word, info, options);
  else yield* walkFolder(word.replace(/\/+$/, "") || "/", "", options, without);
}

function* walkFolder(folder: string, below: string, options: InputOptions, without?: string): Generator<Input> {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch (cause) {
    throw new UsageError(`The folder '${folder}' can't be read: ${reasonOf(cause)}`, { cause });
  }
  entries.sort(({ name: a }, { name: b }) => a < b ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    if (name.startsWith(".")) continue;
    const path = `${folder === "/" ? "" : folder}/${name}`;
    if (isDirectory) {
      if (without === undefined || !isSameFile(path, without)) {
        yield* walkFolder(path, `${below}${name}/`, options, without);
      }
      continue;
    }
    const info = found(path);
    if (info?.isFile) yield fileInput(path, info, options, `${below}${name}`);
  }
}

/** Returns the file information of an input. @throws {UsageError} if it does not exist */
export function statOf(path: string): Deno.FileInfo {
  try {
    const info = Deno.statSync(path);
    if (info.isFifo && isNamed(path)) {
      throw new UsageError(`The input '${path}' is a named pipe: read it as standard input, with '- < ${path}'`);
    }
    return info;
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    if (cause instanceof Deno.errors.NotFound) throw new UsageError(`The input '${path}' does not exist`, { cause });
    throw new UsageError(`The input '${path}' can't be read: ${reasonOf(cause)}`, { cause });
  }
}

/** Whether a pipe has a path, unlike those of `/dev/fd`: to open it would block the whole process until its other end is open. */
function isNamed(path: string): boolean {
  try {
    Deno.realPathSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Returns undefined for a link whose target does not exist. */
function found(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

function lastOf(path: string): string {
  return path.replace(/\/+$/, "").split("/").at(-1)!;
}
