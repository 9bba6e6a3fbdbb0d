/** The history: what was sent, to look at it, to send it again, and to compare two answers. */

import { useState } from "hono/jsx/dom";
import { useStore } from "../store.ts";
import { Compare } from "./compare.tsx";
import { draft, takeBytes } from "./draft.ts";
import { send } from "./exchange.ts";
import { formatBytes, formatMs, formatTime } from "../format.ts";
import { bodyOfEntry, clearHistory, type Entry, history, remember } from "./history.ts";

/** How many entries are listed before "Show all". */
const SHOWN = 8;

/** The card of the history; nothing before the first request. */
export function HistoryCard() {
  const entries = useStore(history);
  const [all, showAll] = useState(false);
  const [picked, setPicked] = useState<readonly number[]>([]);
  if (entries.length === 0) return null;
  const pick = (id: number) =>
    // The third one replaces the first.
    setPicked((before) => before.includes(id) ? before.filter((one) => one !== id) : [...before, id].slice(-2));
  const chosen = entries.filter(({ id }) => picked.includes(id));
  return (
    <section class="card history" aria-label="History">
      <div class="card-head">
        <h2>History</h2>
        <button type="button" class="quiet" onClick={clearHistory}>Clear</button>
      </div>
      <ol class="entries">
        {entries.slice(0, all ? undefined : SHOWN).map((entry) => (
          <EntryLine
            key={entry.id}
            entry={entry}
            picked={picked.includes(entry.id)}
            onPick={() => pick(entry.id)}
          />
        ))}
      </ol>
      {entries.length > SHOWN && !all && (
        <button type="button" class="quiet" onClick={() => showAll(true)}>Show all {entries.length}</button>
      )}
      {chosen.length === 2 ? <Compare before={chosen[1]!} after={chosen[0]!} /> : (
        <p class="note">
          {chosen.length === 1 ? "Tick another one to compare the answers." : "Tick two to compare their answers."}
        </p>
      )}
    </section>
  );
}

function EntryLine({ entry, picked, onPick }: { entry: Entry; picked: boolean; onPick: () => void }) {
  const { time, status, ms, name, body, size, model } = entry;
  const blob = bodyOfEntry(entry);
  const what = name ?? body?.replaceAll(/\s+/g, " ").slice(0, 200) ?? formatBytes(size);
  return (
    <li>
      <input
        type="checkbox"
        checked={picked}
        aria-label={`Compare the answer of ${formatTime(time)}`}
        onChange={onPick}
      />
      <time>{formatTime(time)}</time>
      <span class="entry-status" data-tone={status >= 200 && status < 400 ? "good" : "bad"}>{status || "–"}</span>
      <span class="entry-ms">{formatMs(ms)}</span>
      <button
        type="button"
        class="entry-what"
        disabled={blob === undefined}
        title={`${model}: ${what}`}
        onClick={() => void edit(entry)}
      >
        {what || "(empty)"}
      </button>
      <button type="button" class="quiet" disabled={blob === undefined} onClick={() => void again(entry)}>
        Resend<span class="hidden">{` the request of ${formatTime(time)}`}</span>
      </button>
    </li>
  );
}

/** Makes an entry the draft again. */
async function edit(entry: Entry): Promise<void> {
  const blob = bodyOfEntry(entry);
  if (blob === undefined) return;
  await takeBytes(blob, entry.name ?? "body", entry.contentType);
  draft.patch({ accept: entry.accept, v2: entry.path.startsWith("v2/") });
}

async function again(entry: Entry): Promise<void> {
  const body = bodyOfEntry(entry);
  if (body === undefined) return;
  const { model, path, contentType, accept, name } = entry;
  await remember(await send({ model, path, contentType, accept, body, name }));
}
