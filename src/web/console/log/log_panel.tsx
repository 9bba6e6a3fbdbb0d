/** The panel "Log": the lines of the server and of the scripts, as they are written. */

import { useEffect, useRef, useState } from "hono/jsx/dom";
import type { LogLine } from "../../wire.ts";
import { save } from "../components/save.ts";
import { connection, logLines, mayReadLog } from "../live.ts";
import { useStore } from "../store.ts";
import { filter, LEVELS, passes, textOf } from "./filter.ts";
import { LogLines } from "./log_lines.tsx";

/** How many lines are shown: the newest that pass the filter. */
const MAX_SHOWN = 500;

/** The log with its filter. @param requests whether the lines may belong to requests of workers. @default true */
export function LogPanel({ requests = true }: { readonly requests?: boolean } = {}) {
  const where = useStore(connection);
  const allowed = useStore(mayReadLog);
  const lines = useStore(logLines);
  const chosen = useStore(filter);
  const [paused, setPaused] = useState<readonly LogLine[] | undefined>(undefined);
  const passing = (paused ?? lines).filter((line) => passes(line, chosen));
  if (where === "off") return <p class="card">This server keeps no log for the console.</p>;
  if (where === "open" && !allowed) {
    return <p class="card">Only a token, or a browser on the same machine, may read the log of this server.</p>;
  }
  return (
    <section class="card log" aria-label="Log">
      <Filters lines={lines} requests={requests} />
      <div class="card-head log-head">
        <span class="note">
          {passing.length.toLocaleString("en")} of {lines.length.toLocaleString("en")} lines
          {where === "connecting" && ", connecting …"}
          {where === "lost" && ", not connected"}
        </span>
        <div class="draw-buttons">
          <button
            type="button"
            aria-pressed={paused === undefined ? "false" : "true"}
            onClick={() => setPaused(paused === undefined ? lines : undefined)}
          >
            {paused === undefined ? "Pause" : "Go on"}
          </button>
          <button type="button" onClick={() => save(new Blob([textOf(passing)]), "log.txt")}>Download</button>
        </div>
      </div>
      <Tail lines={passing.slice(-MAX_SHOWN)} />
    </section>
  );
}

function Filters({ lines, requests }: { lines: readonly LogLine[]; requests: boolean }) {
  const chosen = useStore(filter);
  const names = [...new Set(lines.flatMap(({ worker }) => worker ?? []))].sort();
  const valueOf = (event: Event) => (event.currentTarget as HTMLInputElement | HTMLSelectElement).value;
  return (
    <div class="filters">
      <label>
        {requests ? "Text or request id" : "Text"}
        <input
          type="search"
          value={chosen.text}
          spellcheck={false}
          onInput={(event: Event) => filter.patch({ text: valueOf(event) })}
        />
      </label>
      <label>
        Level
        <select
          value={chosen.level}
          onChange={(event: Event) => filter.patch({ level: valueOf(event) as LogLine["level"] })}
        >
          {LEVELS.filter((level) => level !== "fatal").map((level) => (
            <option key={level} value={level}>{level === "trace" ? "all" : `${level} and above`}</option>
          ))}
        </select>
      </label>
      {requests && (
        <label>
          Worker
          <select value={chosen.worker} onChange={(event: Event) => filter.patch({ worker: valueOf(event) })}>
            <option value="">all</option>
            {names.map((name) => <option key={name} value={name}>{name}</option>)}
          </select>
        </label>
      )}
    </div>
  );
}

/** A box of lines that scrolls to the newest one, unless the visitor has scrolled up. */
function Tail({ lines }: { lines: readonly LogLine[] }) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    if (follows.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [lines.at(-1), lines.length]);
  return (
    <div
      class="tail"
      ref={box}
      role="log"
      aria-live="off"
      aria-label="Lines"
      tabindex={0}
      onScroll={() => {
        const { scrollTop, scrollHeight, clientHeight } = box.current!;
        follows.current = scrollTop + clientHeight >= scrollHeight - 8;
      }}
    >
      <LogLines lines={lines} onRequest={(text) => filter.patch({ text })} />
    </div>
  );
}
