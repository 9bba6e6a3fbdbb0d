/** What is to be predicted: the files that the command line names, in order, and where the output of each goes. */

import { reasonOf, UsageError } from "../errors.ts";
import { contentTypeOf, suffixOf } from "../client/content_type.ts";
import { type Split } from "./split/record.ts";
import { splitCsv } from "./split/csv.ts";
import { splitLines } from "./split/lines.ts";
import type { Readable } from "./source.ts";

/** How an input becomes records; `none`: it is one. */
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
  /** Of each request. */
  readonly contentType: string;
  readonly accept: string;
  /** Its bytes as stored, and when they were changed last; undefined for what can be read only once, such as a pipe. */
  readonly file?: { readonly path: string; readonly bytes: number; readonly modifiedMs: number } | undefined;
}

const SPLITS: Readonly<Record<SplitName, Split | undefined>> = { none: undefined, lines: splitLines, csv: splitCsv };

/** Suffixes of files whose lines are records. */
const LINE_SUFFIXES: ReadonlySet<string> = new Set(["jsonl", "ndjson"]);

/** Types of standard input whose lines are records if nothing else is said. */
const LINE_TYPES =
  /^(?:text\/plain|application\/(?:[\w.-]+\+)?json|application\/(?:jsonl|x-ndjson|x-jsonlines|jsonlines))\s*(?:;|$)/i;

/** Returns the function that splits an input; undefined if it is one record. */
export function splitterOf(split: SplitName): Split | undefined {
  return SPLITS[split];
}

/** Makes the input that standard input is. */
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

/** Makes an input of a file. @param key the path of its output, if that is not its name */
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
 * Walks what the command line names: files, and folders, whose files come in the order of their names. Names that begin with a dot are
 * left out in folders, and so are links to folders.
 *
 * @param without the absolute path of a folder that is not walked: that of the outputs
 * @throws {UsageError} if something named is not there, or two outputs would have the same path
 */
export function* walkInputs(words: readonly string[], options: InputOptions, without?: string): Generator<Input> {
  const keys = words.length > 1 ? new Map<string, string>() : undefined;
  for (const word of words) {
    for (const input of walk(word, options, without)) {
      const before = keys?.get(input.key);
      if (before !== undefined) {
        throw new UsageError(
          `'${before}' and '${input.name}' would have the same output, '${input.key}.out': predict them into two folders`,
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
      if (without === undefined || Deno.realPathSync(path) !== without) {
        yield* walkFolder(path, `${below}${name}/`, options, without);
      }
      continue;
    }
    const info = found(path);
    if (info?.isFile) yield fileInput(path, info, options, `${below}${name}`);
  }
}

/** What an input is. @throws {UsageError} if it is not there */
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

/** Whether opening a pipe would wait for its other end, and everything else with it: pipes of `/dev/fd` have no path behind them. */
function isNamed(path: string): boolean {
  try {
    Deno.realPathSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Undefined for a link to nothing. */
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
