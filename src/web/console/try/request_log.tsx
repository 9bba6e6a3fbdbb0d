/** The log lines of one request. */

import { logLines, mayReadLog } from "../live.ts";
import { LogLines } from "../log/log_lines.tsx";
import { useStore } from "../store.ts";
import { count } from "../format.ts";

/** The lines of a request: shown at once after a problem, and folded otherwise. Renders nothing if there are none, or if the visitor may not read the log. */
export function RequestLog({ requestId, isProblem }: { requestId: string; isProblem: boolean }) {
  const lines = useStore(logLines).filter(({ request }) => request === requestId);
  if (!useStore(mayReadLog) || requestId === "" || lines.length === 0) return null;
  return (
    <details class="request-log" open={isProblem}>
      <summary>{count(lines.length, "line")} in the log</summary>
      <LogLines lines={lines} />
    </details>
  );
}
