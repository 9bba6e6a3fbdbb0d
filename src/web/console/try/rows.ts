/** Finds rows in an answer: a list of objects or of lists, a list for each column, CSV, or lines of JSON. */

import { isContainer, parseJson } from "./exact_json.ts";

/** Rows of cells, each with as many cells as there are columns, or fewer. */
export interface Rows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** How many rows are read. */
const MAX_ROWS = 10_000;

/** Returns the rows of an answer; undefined if it has none. */
export function rowsOf(
  json: { readonly value: unknown } | undefined,
  text: string | undefined,
  contentType: string,
): Rows | undefined {
  if (json !== undefined) return rowsOfJson(json.value);
  if (text === undefined) return undefined;
  if (/^text\/csv\b/i.test(contentType)) return rowsOfText(text, ",");
  if (/^text\/tab-separated-values\b/i.test(contentType)) return rowsOfText(text, "\t");
  if (/^application\/(jsonl|x-ndjson)\b/i.test(contentType)) return rowsOfLines(text);
  return undefined;
}

function rowsOfJson(value: unknown): Rows | undefined {
  if (Array.isArray(value)) return rowsOfList(value);
  if (!isContainer(value)) return undefined;
  const members = Object.entries(value);
  const lists = members.filter(([, member]) => Array.isArray(member)) as [string, unknown[]][];
  if (lists.length === 1) return rowsOfList(lists[0]![1]);
  const [first] = lists;
  // A list for each column.
  if (first === undefined || lists.length < members.length) return undefined;
  if (first[1].length === 0 || lists.some(([, list]) => list.length !== first[1].length)) return undefined;
  return {
    columns: lists.map(([name]) => name),
    rows: first[1].slice(0, MAX_ROWS).map((_, index) => lists.map(([, list]) => list[index])),
  };
}

function rowsOfList(list: readonly unknown[]): Rows | undefined {
  const some = list.slice(0, MAX_ROWS);
  if (some.length === 0) return undefined;
  if (some.every((item) => Array.isArray(item))) {
    const width = Math.max(...(some as unknown[][]).map(({ length }) => length));
    return { columns: Array.from({ length: width }, (_, index) => String(index)), rows: some as unknown[][] };
  }
  if (!some.every((item) => isContainer(item) && !Array.isArray(item))) return undefined;
  const columns = [...new Set((some as object[]).flatMap((item) => Object.keys(item)))].slice(0, 200);
  return {
    columns,
    rows: (some as Record<string, unknown>[]).map((item) =>
      columns.map((column) => Object.hasOwn(item, column) ? item[column] : undefined)
    ),
  };
}

function rowsOfLines(text: string): Rows | undefined {
  try {
    return rowsOfList(text.split("\n").filter((line) => line.trim() !== "").map((line) => parseJson(line)));
  } catch {
    return undefined;
  }
}

/** Reads delimited text (RFC 4180). The first row is the head unless all of its cells are numbers. */
function rowsOfText(text: string, delimiter: string): Rows | undefined {
  const rows = splitRows(text, delimiter);
  const [first] = rows;
  if (first === undefined) return undefined;
  const hasHead = !first.every((cell) => cell.trim() !== "" && !Number.isNaN(Number(cell)));
  const body = hasHead ? rows.slice(1) : rows;
  const width = Math.max(...rows.map(({ length }) => length));
  return {
    columns: Array.from({ length: width }, (_, index) => (hasHead ? first[index] : undefined) ?? String(index)),
    rows: body,
  };
}

function splitRows(text: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^${delimiter}\\r\\n]*))(${delimiter}|\\r\\n|\\n|\\r|$)`, "gy");
  cell.lastIndex = text.startsWith("\ufeff") ? 1 : 0;
  while (cell.lastIndex < text.length && rows.length < MAX_ROWS) {
    const match = cell.exec(text);
    if (match === null) return rows;
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] !== delimiter) {
      rows.push(row);
      row = [];
    }
  }
  if (row.length > 0) rows.push(row);
  return rows;
}
