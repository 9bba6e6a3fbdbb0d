/** Shows JSON as a tree that can be opened and closed. */

import { useState } from "hono/jsx/dom";
import { count } from "../../format.ts";
import { isContainer, isExact } from "../exact_json.ts";
import { Bars, barsOf } from "./bars.tsx";

/** How many members of a node are shown at first, and with each click on "more". */
const PAGE = 100;

/** Nodes up to this depth, with at most this many members, are open at first. */
const OPEN_DEPTH = 3;
const OPEN_MEMBERS = 40;

/** The tree of a JSON value. */
export function JsonTree({ value }: { value: unknown }) {
  return (
    <div class="tree" role="group" aria-label="JSON">
      {isBranch(value) ? <Members value={value} depth={0} /> : <Node value={value} depth={0} />}
    </div>
  );
}

/** Whether the members of a value are worth their own lines. */
function isBranch(value: unknown): value is object {
  return isContainer(value) && barsOf(value) === undefined && Object.keys(value).length > 0;
}

function Node({ name, value, depth }: { name?: string; value: unknown; depth: number }) {
  if (!isContainer(value)) {
    return (
      <div class="leaf">
        <Name name={name} />
        <Leaf value={value} />
      </div>
    );
  }
  const bars = barsOf(value);
  if (bars !== undefined) {
    return (
      <div class="leaf">
        <Name name={name} />
        <span class="note">{count(bars.length, "number")}</span>
        <Bars values={bars} />
      </div>
    );
  }
  return <Branch name={name} value={value} depth={depth} />;
}

function Branch({ name, value, depth }: { name: string | undefined; value: object; depth: number }) {
  const members = Array.isArray(value) ? value.length : Object.keys(value).length;
  const [open, setOpen] = useState(depth < OPEN_DEPTH && members <= OPEN_MEMBERS);
  return (
    <details open={open} onToggle={(event: Event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}>
      <summary>
        <Name name={name} />
        <span class="note">{Array.isArray(value) ? count(members, "item") : count(members, "member")}</span>
      </summary>
      {open && <Members value={value} depth={depth} />}
    </details>
  );
}

/** The members of an open node: a closed one has none in the page. */
function Members({ value, depth }: { value: object; depth: number }) {
  const [shown, setShown] = useState(PAGE);
  const keys = Object.keys(value);
  return (
    <div class="members">
      {keys.slice(0, shown).map((key) => (
        <Node key={key} name={key} value={(value as Record<string, unknown>)[key]} depth={depth + 1} />
      ))}
      {keys.length > shown && (
        <button type="button" class="quiet" onClick={() => setShown(shown + PAGE)}>
          {(keys.length - shown).toLocaleString("en")} more
        </button>
      )}
    </div>
  );
}

function Name({ name }: { name: string | undefined }) {
  return name === undefined ? null : <span class="name">{name}</span>;
}

function Leaf({ value }: { value: unknown }) {
  const type = value === null || typeof value === "boolean" ? "literal" : isExact(value) ? "number" : typeof value;
  const text = typeof value === "string" ? value : isExact(value) ? value.rawJSON : String(value);
  return <span class={`value ${type}`}>{text.length > 5000 ? `${text.slice(0, 5000)}…` : text}</span>;
}
