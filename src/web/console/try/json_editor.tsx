/** An editor for JSON: a text area, whose text an element behind it shows in colours. */

import { useEffect, useRef } from "hono/jsx/dom";
import { useStore } from "../store.ts";
import { draft } from "./draft.ts";
import { formatJson } from "./json_text.ts";
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
