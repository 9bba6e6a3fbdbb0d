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
import {
  DEFAULT_MANIFEST,
  type Manifest,
  MANIFEST_NAME,
  MODEL_FOLDER,
  REQUIREMENTS_NAME,
  RESOLVED_NAME,
  WHEELS_FOLDER,
} from "./layout.ts";

export {
  DEFAULT_MANIFEST,
  type Manifest,
  MANIFEST_NAME,
  MODEL_FOLDER,
  REQUIREMENTS_NAME,
  RESOLVED_NAME,
  WHEELS_FOLDER,
};

/** Deeper than any manifest is nested. */
const MAX_DEPTH = 64;

/** The result of {@linkcode parseManifest}. */
export interface ParsedManifest {
  readonly manifest: Manifest;
  /** Keys that the specification does not define, with their values; other programs may use them. */
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

/** The keys whose values are paths below a root. */
const PATHS = [
  "module",
  "trainingScript",
  "servingScript",
  "logDirectory",
  "tensorboardDirectory",
  "modelDirectory",
] as const;

/**
 * Parses a manifest: JSON that may have comments, trailing commas and a byte order mark.
 *
 * @throws {ArchiveError} with line, column and key, if it does not parse, a value has the wrong type, or a path leads out of its
 * root. The reason reads after the manifest's name: "is invalid at line 2, column 3: ..."
 */
export function parseManifest(bytes: Uint8Array): ParsedManifest {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ArchiveError("is not UTF-8", { cause });
  }
  const deep = tooDeep(text);
  if (deep !== undefined) {
    throw invalid(text, deep, `it is nested more than ${MAX_DEPTH} levels deep`);
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error !== undefined) {
    throw invalid(text, error.offset, syntaxError(error.error));
  }
  if (root?.type !== "object") throw new ArchiveError("does not contain a JSON object");
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
    const problem = Object.hasOwn(known, key) ? "appears twice" : complaint(key as keyof Manifest, value);
    if (problem !== undefined) throw invalid(text, valueNode.offset, `${key} ${problem}`);
    known[key] = value;
  }
  return { manifest: { ...DEFAULT_MANIFEST, ...known }, unknown };
}

/** Reads the manifest of an archive. @throws {ArchiveError} whose reason reads after the archive's name */
export function readManifest(bytes: Uint8Array): ParsedManifest {
  try {
    return parseManifest(bytes);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new ArchiveError(`has a ${MANIFEST_NAME} that ${error.reason}`, { cause: error.cause });
  }
}

/** Formats a manifest as the text that an archive contains. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 4)}\n`;
}

/** Joins paths of a manifest, and removes `.`, double slashes, and slashes at the ends. */
export function joinPath(...parts: readonly string[]): string {
  return parts.flatMap((part) => part.split("/")).filter((part) => part !== "" && part !== ".").join("/");
}

/** The path of a module's `requirements.txt`, relative to the archive's root, whether it exists or not. */
export function requirementsPath({ module }: Manifest): string {
  return joinPath(module, REQUIREMENTS_NAME);
}

/** The fault of a manifest's value, which reads after its key or option, such as "must name a file, not ''"; undefined without a fault. */
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
  if (value.startsWith("/")) return `must be a relative path, not ${shown}`;
  if (value.split("/").includes("..")) return `must stay inside the root, but ${shown} leads out`;
  if (key === "modelDirectory" && joinPath(value) === "") return `must name a folder, not ${shown}`;
  if (key.endsWith("Script") && joinPath(value) === "") return `must name a file, not ${shown}`;
  return undefined;
}

/** The offset where JSON is nested too deep; checked first, because the parser is recursive and could exhaust the stack. */
function tooDeep(text: string): number | undefined {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (;;) {
    scanner.scan();
    const offset = scanner.getTokenOffset();
    if (offset >= text.length) return undefined;
    // Braces within a string don't count: a string's first character is its quote.
    const first = text[offset]!;
    if ("{[".includes(first) && ++depth > MAX_DEPTH) return offset;
    if ("}]".includes(first)) depth--;
  }
}

/** Describes a syntax error of JSON. */
function syntaxError(code: ParseErrorCode): string {
  switch (printParseErrorCode(code)) {
    case "InvalidSymbol":
      return "unknown word; text needs double quotes, except for true, false and null";
    case "InvalidNumberFormat":
      return "not a valid JSON number";
    case "PropertyNameExpected":
      return "a key in double quotes is missing";
    case "ValueExpected":
      return "a value is missing";
    case "ColonExpected":
      return "a colon is missing between a key and its value";
    case "CommaExpected":
      return "a comma is missing before this";
    case "CloseBraceExpected":
      return "a closing brace '}' is missing";
    case "CloseBracketExpected":
      return "a closing bracket ']' is missing";
    case "EndOfFileExpected":
      return "there is more text after the JSON object";
    case "UnexpectedEndOfComment":
      return "a comment is not closed";
    case "UnexpectedEndOfString":
      return "a string is not closed";
    case "InvalidUnicode":
      return "'\\u' needs four hexadecimal digits";
    case "InvalidEscapeCharacter":
      return "a backslash precedes a character that can't be escaped";
    case "InvalidCharacter":
      return "a string contains a control character, which must be escaped";
    default:
      return "not JSON";
  }
}

/** Finds unknown keys that resemble known ones, such as `training_script`, and the keys that were probably meant. */
function meantBy(
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

/** What to tell the user about unknown keys: a sentence for each. @param label names the archive or the manifest */
export function unknownKeys(label: string, unknown: Readonly<Record<string, unknown>>): string[] {
  const meant = new Map(meantBy(unknown).map(({ key, meant }) => [key, meant]));
  return Object.keys(unknown).map((key) => {
    const known = meant.get(key);
    const advice = known === undefined ? "" : `; did you mean '${known}'?`;
    return `${label} has the unknown key '${key}' in its ${MANIFEST_NAME}${advice}`;
  });
}

/** Levenshtein's distance of two words. */
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

function invalid(text: string, offset: number, problem: string): ArchiveError {
  const before = text.slice(0, offset).split("\n");
  return new ArchiveError(`is invalid at line ${before.length}, column ${before.at(-1)!.length + 1}: ${problem}`);
}
