/**
 * Writes YAML with comments. Its values are those of manifests: no anchors, no text of several lines.
 *
 * Our own, because npm's `yaml` (2.9.1) writes control characters and `=` as they are, and PyYAML then refuses the document.
 */

/** A value of a document. */
export type Yaml = string | number | boolean | readonly Yaml[] | YamlMap | Remark;

/** A map; keys whose value is undefined are left out. */
export interface YamlMap {
  readonly [key: string]: Yaml | undefined;
}

/** A value with a comment, which is written above its key or its item. */
export class Remark {
  constructor(readonly comment: string, readonly value: Exclude<Yaml, Remark>) {}
}

/** A list that is longer than this is written with a line for each item. */
const WIDTH = 100;
/** Text that every parser reads as text. All other text is quoted. */
const PLAIN = /^(?:(?:--?)?[A-Za-z/](?:[\w./-]|:(?=[\w/]))*|\d+(?:m|Ki|Mi|Gi))$/;
/** Words that YAML 1.1 or 1.2 reads as a boolean or as null. */
const NO_TEXT = /^(?:true|false|yes|no|on|off|y|n|null)$/i;

/** Writes documents, separated by `---`. Each ends with a line break. */
export function toYaml(documents: readonly YamlMap[]): string {
  return documents.map((document) => `${mapLines(document).join("\n")}\n`).join("---\n");
}

function mapLines(map: YamlMap): string[] {
  return Object.entries(map).flatMap(([key, value]) => value === undefined ? [] : entryLines(`${scalar(key)}:`, value));
}

/** The lines of a key and its value. */
function entryLines(key: string, value: Yaml): string[] {
  if (value instanceof Remark) return [`# ${value.comment}`, ...entryLines(key, value.value)];
  const inline = inLine(value);
  if (inline !== undefined) return [`${key} ${inline}`];
  return [key, ...indent(Array.isArray(value) ? value.flatMap(itemLines) : mapLines(value as YamlMap))];
}

function itemLines(item: Yaml): string[] {
  if (item instanceof Remark) return [`# ${item.comment}`, ...itemLines(item.value)];
  const inline = inLine(item);
  const [first = "", ...others] = inline === undefined ? mapLines(item as YamlMap) : [inline];
  // A comment can't follow the dash: what is below it would no longer belong to the item.
  if (first.startsWith("#")) throw new TypeError("The first key of an item can't have a comment");
  return [`- ${first}`, ...indent(others)];
}

/** A value as a part of its key's line; undefined if it needs lines of its own. */
function inLine(value: Exclude<Yaml, Remark>): string | undefined {
  if (typeof value !== "object") return scalar(value);
  if (!Array.isArray(value)) return Object.keys(value).length === 0 ? "{}" : undefined;
  if (value.some((item) => typeof item === "object")) return undefined;
  const text = `[${value.map(scalar).join(", ")}]`;
  return text.length <= WIDTH ? text : undefined;
}

function scalar(value: string | number | boolean): string {
  if (typeof value !== "string" || (PLAIN.test(value) && !NO_TEXT.test(value))) return String(value);
  // JSON is YAML, except for the line breaks and controls that JSON leaves as they are.
  return JSON.stringify(value).replaceAll(
    /[\x7f-\x9f\u2028\u2029\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
