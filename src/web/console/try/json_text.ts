/** Formats JSON for people. */

import { isContainer, parseVerbatim } from "./exact_json.ts";

/** How long a list or an object may be, in characters, to stay on one line. */
const LINE = 88;

/**
 * Formats a JSON text, with short lists and objects on one line. Numbers stay as they are.
 *
 * @param width how long these lines may be, in characters; 0 gives each element its own
 * @throws {SyntaxError} if it is not JSON
 */
export function formatJson(json: string, width = LINE): string {
  const value = parseVerbatim(json);
  return width === 0 ? JSON.stringify(value, undefined, 2) : pretty(value, "", width);
}

function pretty(value: unknown, indent: string, width: number): string {
  const flat = JSON.stringify(value);
  if (!isContainer(value)) return flat;
  if (flat.length + indent.length <= width) return spaced(flat);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (!value.some(isContainer)) {
      return `[\n${wrapped(value.map((item) => JSON.stringify(item)), deeper, width)}\n${indent}]`;
    }
    return `[\n${value.map((item) => deeper + pretty(item, deeper, width)).join(",\n")}\n${indent}]`;
  }
  const members = Object.entries(value).map(([key, item]) =>
    `${deeper}${JSON.stringify(key)}: ${pretty(item, deeper, width)}`
  );
  return `{\n${members.join(",\n")}\n${indent}}`;
}

/** Puts a space after commas and colons outside of strings. */
function spaced(flat: string): string {
  return flat.replaceAll(/"(?:[^"\\]|\\.)*"|[,:]/g, (token) => token.length === 1 ? `${token} ` : token);
}

/** Fills lines with items. */
function wrapped(items: readonly string[], indent: string, width: number): string {
  const lines: string[] = [];
  let line = "";
  for (const item of items) {
    if (line !== "" && line.length + item.length + 2 > width) {
      lines.push(line);
      line = "";
    }
    line += `${line === "" ? indent : " "}${item},`;
  }
  lines.push(line.slice(0, -1));
  return lines.join("\n");
}
