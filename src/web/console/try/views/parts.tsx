/** Shows the parts of a streamed answer, each one as it arrives. */

import type { ServerEvent } from "../../events.ts";
import { count } from "../../format.ts";

/** How many parts are listed one by one; the joined text has all of them. */
const MAX_LISTED = 500;

/** The parts of an answer that came as Server-Sent Events, joined and one by one. */
export function PartsView({ events }: { events: readonly ServerEvent[] }) {
  const parts = events.filter(({ name }) => name === "message");
  const failure = events.find(({ name }) => name === "error");
  const ended = failure !== undefined || events.some(({ name }) => name === "end");
  return (
    <div class="parts">
      <pre class="text" data-live={ended ? undefined : ""} tabindex={0}>{parts.map(({ data }) => data).join("")}</pre>
      {failure !== undefined && <p class="error" role="alert">{detailOf(failure.data)}</p>}
      <details>
        <summary>{count(parts.length, "part")}</summary>
        <ol>
          {events.slice(0, MAX_LISTED).map(({ name, data }, index) => (
            <li key={index}>
              {name !== "message" && <strong>{name}</strong>}
              <code>{data}</code>
            </li>
          ))}
        </ol>
      </details>
    </div>
  );
}

/** What an event `error` says. */
function detailOf(data: string): string {
  try {
    return JSON.parse(data).detail ?? data;
  } catch {
    return data;
  }
}
