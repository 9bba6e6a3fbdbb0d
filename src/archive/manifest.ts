/** The manifest of a Model Archive: `manifest.json`, in the archive's root. */

import {
  createScanner,
  getNodeValue,
  type Node,
  type ParseError,
  type ParseErrorCode,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { ArchiveError } from "./errors.ts";

/** Deeper than any manifest is nested. */
const MAX_DEPTH = 64;

/** The one name that it may have. */
export const MANIFEST_NAME = "manifest.json";

/** In the module's folder: what pip is to install. */
export const REQUIREMENTS_NAME = "requirements.txt";

/** In the archive's root: the model that `package --model-dir` adds. */
export const MODEL_FOLDER = "model";

/** In the archive's root: wheels to install them from without a network. */
export const WHEELS_FOLDER = "wheels";
/** In that folder: the list of what is to be installed from it, each wheel with its version and hash. */
export const RESOLVED_NAME = "resolved.txt";

/** What an archive says of itself. All paths are from a root: the archive's for `module`, the run's for the others. */
export interface Manifest {
  /** The folder with the source files. @default "" */
  readonly module: string;
  /** From `module`; null if it can't train. @default null */
  readonly trainingScript: string | null;
  /** From `module`; null if it can't serve. @default null */
  readonly servingScript: string | null;
  /** @default "logs" */
  readonly logDirectory: string;
  /** For `strftime`. @default "%Y-%m-%dT%H-%M-%S.log" */
  readonly logNamingFormat: string;
  /** @default false */
  readonly enableTensorboard: boolean;
  /** @default "tb_logs" */
  readonly tensorboardDirectory: string;
  /** The folder with the model that the archive carries, from the archive's root; not there if it carries none. */
  readonly modelDirectory?: string;
}

/** The manifest of a module that has none of its own, before its name and scripts are filled in. */
export const DEFAULT_MANIFEST: Manifest = {
  module: "",
  trainingScript: null,
  servingScript: null,
  logDirectory: "logs",
  logNamingFormat: "%Y-%m-%dT%H-%M-%S.log",
  enableTensorboard: false,
  tensorboardDirectory: "tb_logs",
};

/** A manifest that was read. */
export interface ParsedManifest {
  readonly manifest: Manifest;
  /** Keys that the specification does not know, with their values: other programs may. */
  readonly unknown: Readonly<Record<string, unknown>>;
}

type Type = "string" | "boolean" | "string or null";

const TYPES: Readonly<Record<keyof Manifest, Type>> = {
  module: "string",
  trainingScript: "string or null",
  servingScript: "string or null",
  logDirectory: "string",
  logNamingFormat: "string",
  enableTensorboard: "boolean",
  tensorboardDirectory: "string",
  modelDirectory: "string",
};

/** Those that name a place below a root. */
const PATHS = [
  "module",
  "trainingScript",
  "servingScript",
  "logDirectory",
  "tensorboardDirectory",
  "modelDirectory",
] as const;

/**
 * Reads a manifest: JSON, in which comments and a byte order mark are accepted.
 *
 * @param file what a message calls it
 * @throws {ArchiveError} with line, column and key, if it does not parse, or a value is of the wrong type or leads out
 */
export function parseManifest(bytes: Uint8Array, file: string = MANIFEST_NAME): ParsedManifest {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ArchiveError(`'${file}' is not in UTF-8`, { cause });
  }
  const deep = tooDeep(text);
  if (deep !== undefined) {
    throw new ArchiveError(`'${file}', ${position(text, deep)}: It is nested more than ${MAX_DEPTH} deep`);
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error !== undefined) {
    throw new ArchiveError(`'${file}', ${position(text, error.offset)}: ${sentenceOf(error.error)}`);
  }
  if (root?.type !== "object") throw new ArchiveError(`'${file}' must hold one JSON object`);
  const known: Record<string, unknown> = {};
  const unknown: Record<string, unknown> = {};
  for (const property of root.children ?? []) {
    const [keyNode, valueNode] = property.children as [Node, Node];
    const key = String(keyNode.value);
    const value: unknown = getNodeValue(valueNode);
    if (!Object.hasOwn(TYPES, key)) {
      unknown[key] = value;
      continue;
    }
    const problem = Object.hasOwn(known, key) ? "is there twice" : complaint(key as keyof Manifest, value);
    if (problem !== undefined) {
      throw new ArchiveError(`'${file}', ${position(text, valueNode.offset)}: ${key} ${problem}`);
    }
    known[key] = value;
  }
  return { manifest: { ...DEFAULT_MANIFEST, ...known }, unknown };
}

/** As it is written into an archive. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 4)}\n`;
}

/** A path of the manifest, joined to the one that it is from, without `.` and double slashes. */
export function joinPath(...parts: readonly string[]): string {
  return parts.flatMap((part) => part.split("/")).filter((part) => part !== "" && part !== ".").join("/");
}

/** Where a module's requirements are, from the archive's root, if it has any. */
export function requirementsPath({ module }: Manifest): string {
  return joinPath(module, REQUIREMENTS_NAME);
}

/**
 * What is wrong with a value of the manifest, to follow its name; undefined if nothing is.
 */
export function complaint(key: keyof Manifest, value: unknown): string | undefined {
  const type = TYPES[key];
  const shown = JSON.stringify(value);
  const fits = type === "boolean"
    ? typeof value === "boolean"
    : typeof value === "string" || (value === null && type === "string or null");
  if (!fits) return `must be a ${type}, not ${shown}`;
  if (typeof value !== "string") return undefined;
  if (value.includes("\0")) return `can't be ${shown}`;
  if (!(PATHS as readonly string[]).includes(key)) return value === "" ? "can't be empty" : undefined;
  if (value.startsWith("/")) return `must be a path from the root, not the absolute ${shown}`;
  if (value.split("/").includes("..")) return `can't lead out of the root, as ${shown} does`;
  if (key === "modelDirectory" && joinPath(value) === "") return `must name a folder, not ${shown}`;
  if (key.endsWith("Script") && joinPath(value) === "") return `must name a file, not ${shown}`;
  return undefined;
}

/** Where JSON is nested deeper than any manifest is; the parser, which calls itself, could run out of stack. */
function tooDeep(text: string): number | undefined {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (;;) {
    scanner.scan();
    const offset = scanner.getTokenOffset();
    if (offset >= text.length) return undefined;
    // A string begins with its quote.
    const first = text[offset]!;
    if ("{[".includes(first) && ++depth > MAX_DEPTH) return offset;
    if ("}]".includes(first)) depth--;
  }
}

/** What is wrong with JSON, in a sentence. */
function sentenceOf(code: ParseErrorCode): string {
  switch (printParseErrorCode(code)) {
    case "InvalidSymbol":
      return "There is a word that JSON does not have: only true, false and null need no quotes";
    case "InvalidNumberFormat":
      return "This is not a number in JSON";
    case "PropertyNameExpected":
      return "A key in double quotes is missing";
    case "ValueExpected":
      return "A value is missing";
    case "ColonExpected":
      return "A colon is missing between a key and its value";
    case "CommaExpected":
      return "A comma is missing before this";
    case "CloseBraceExpected":
      return "A closing brace '}' is missing";
    case "CloseBracketExpected":
      return "A closing bracket ']' is missing";
    case "EndOfFileExpected":
      return "Something follows the end of the JSON object";
    case "UnexpectedEndOfComment":
      return "A comment is not closed";
    case "UnexpectedEndOfString":
      return "A string is not closed";
    case "InvalidUnicode":
      return "A '\\u' needs four hexadecimal digits";
    case "InvalidEscapeCharacter":
      return "A backslash is followed by a character that it can't escape";
    case "InvalidCharacter":
      return "A string holds a control character, which must be escaped";
    default:
      return "This is not JSON";
  }
}

/** Keys that were probably meant by ones that are not known, such as `trainingScript` by `training_script`. */
export function meantBy(
  unknown: Readonly<Record<string, unknown>>,
): { readonly key: string; readonly meant: string }[] {
  const plain = (text: string) =>
    text.toLowerCase().replaceAll(/[^a-z]/g, "").replace("training", "train").replace("serving", "serve");
  return Object.keys(unknown).flatMap((key) => {
    const word = plain(key);
    const meant = Object.keys(TYPES).find((known) => {
      const other = plain(known);
      return word === other || (word.length > 3 && distance(word, other) <= 2) ||
        (/^(?:train|serve|inference|predict)/.test(word) && /script|file|entry/.test(word) &&
          known === (word.startsWith("train") ? "trainingScript" : "servingScript"));
    });
    return meant === undefined ? [] : [{ key, meant }];
  });
}

/** How many letters differ: Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

function position(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}
