/** An editor for JSON: a text area, whose text an element behind it shows in colours. */

import { useEffect, useRef } from "hono/jsx/dom";
import { useStore } from "../store.ts";
import { draft } from "./draft.ts";
import { paintJson } from "./paint_json.ts";

/** The editor of the draft's JSON, with a button that formats it and a line that says what is wrong. */
export function JsonEditor() {
  const { json } = useStore(draft);
  const painted = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (painted.current !== null) paintJson(painted.current, json);
  }, [json]);
  const fault = faultIn(json);
  return (
    <div class="json">
      <div class="editor-frame">
        <pre ref={painted} class="painted" aria-hidden="true"></pre>
        <textarea
          aria-label="JSON"
          aria-describedby="json-fault"
          class="editor"
          spellcheck={false}
          autocomplete="off"
          value={json}
          onInput={(event: Event) => draft.patch({ json: (event.currentTarget as HTMLTextAreaElement).value })}
          onScroll={(event: Event) => {
            const { scrollTop, scrollLeft } = event.currentTarget as HTMLTextAreaElement;
            painted.current?.scrollTo(scrollLeft, scrollTop);
          }}
        />
      </div>
      <div class="json-foot">
        <span id="json-fault" class="note">{fault}</span>
        <button
          type="button"
          class="quiet"
          disabled={fault !== "" || json === ""}
          onClick={() => draft.patch({ json: formatJson(json) })}
        >
          Format
        </button>
      </div>
    </div>
  );
}

/** Says what is wrong with a JSON text; empty if nothing is, or there is no text. */
function faultIn(json: string): string {
  if (json.trim() === "") return "";
  try {
    JSON.parse(json);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^JSON\.parse: /, "") : "";
  }
}

/** How long a list may be, in characters, to stay on one line. */
const LINE = 88;

/** Formats a JSON text, with short lists on one line. Numbers keep their digits only as far as JavaScript keeps them. */
export function formatJson(json: string): string {
  return pretty(JSON.parse(json), "");
}

function pretty(value: unknown, indent: string): string {
  const flat = JSON.stringify(value);
  if (typeof value !== "object" || value === null || flat.length + indent.length <= LINE) {
    return typeof value === "object" && value !== null ? spaced(flat) : flat;
  }
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== "object" || item === null)) {
      return `[\n${wrapped(value.map((item) => JSON.stringify(item)), deeper)}\n${indent}]`;
    }
    return `[\n${value.map((item) => deeper + pretty(item, deeper)).join(",\n")}\n${indent}]`;
  }
  const members = Object.entries(value).map(([key, item]) =>
    `${deeper}${JSON.stringify(key)}: ${pretty(item, deeper)}`
  );
  return `{\n${members.join(",\n")}\n${indent}}`;
}

/** Puts a space after commas and colons outside of strings. */
function spaced(flat: string): string {
  return flat.replaceAll(/"(?:[^"\\]|\\.)*"|[,:]/g, (token) => token.length === 1 ? `${token} ` : token);
}

/** Fills lines with items. */
function wrapped(items: readonly string[], indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const item of items) {
    if (line !== "" && line.length + item.length + 2 > LINE) {
      lines.push(line);
      line = "";
    }
    line += `${line === "" ? indent : " "}${item},`;
  }
  lines.push(line.slice(0, -1));
  return lines.join("\n");
}
