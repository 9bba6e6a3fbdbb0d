/** What happened to workers: starts, and ends with their cause and the requests that were in them. */

import type { WorkerEvent } from "../../wire.ts";
import { formatBytes, formatTime } from "../format.ts";
import { filter } from "../log/filter.ts";
import { keyOf } from "../row_keys.ts";

/** How many events are shown. */
const MAX_SHOWN = 30;

/** The events, the newest first. */
export function WorkerEvents({ events }: { events: readonly WorkerEvent[] }) {
  return (
    <section class="card" aria-label="What happened">
      <div class="card-head">
        <h2>What happened</h2>
      </div>
      {events.length === 0 ? <p class="note">Nothing yet.</p> : (
        <ol class="log-lines events">
          {events.slice(-MAX_SHOWN).reverse().map((event) => (
            <li key={keyOf(event)} data-level={event.kind === "ended" && !event.expected ? "error" : "info"}>
              <time>{formatTime(event.t)}</time>
              <span class="level">{event.kind}</span>
              <span class="from">{event.worker}</span>
              <div class="log-text">
                {detailOf(event)}
                <Requests event={event} />
              </div>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function detailOf({ kind, pid, seconds, cause, memory }: WorkerEvent): string {
  switch (kind) {
    case "started":
      return pid === undefined ? "" : `process ${pid}`;
    case "ready":
      return seconds === undefined ? "" : `loaded in ${seconds.toFixed(1)} s`;
    case "ended":
      return [cause, ...(memory === undefined ? [] : [`${formatBytes(memory)} of memory before`])].join("; ");
  }
}

/** The ids of the requests that were in a worker when it ended, each a link to its lines in the log. */
function Requests({ event: { requests = [], requestCount = 0 } }: { event: WorkerEvent }) {
  if (requests.length === 0) return null;
  return (
    <span>
      {"; it had "}
      {requests.map((id) => (
        <a key={id} class="log-request" href="#log" onClick={() => filter.patch({ text: id })}>{`${id} `}</a>
      ))}
      {requestCount > requests.length && `and ${requestCount - requests.length} more`}
    </span>
  );
}
