/** Shows lines of the log. */

import type { LogLine } from "../../wire.ts";
import { formatTime } from "../format.ts";

/** The lines, and the function to call when a request id is clicked. */
export interface LogLinesProps {
  readonly lines: readonly LogLine[];
  readonly onRequest?: (id: string) => void;
}

/** A row for each line: its time, its level, its worker and its text, with the traceback below. */
export function LogLines({ lines, onRequest }: LogLinesProps) {
  if (lines.length === 0) return <p class="empty-log note">No lines.</p>;
  return (
    <ol class="log-lines">
      {lines.map(({ t, level, worker, request, text, traceback }, index) => (
        <li key={`${t}-${index}`} data-level={level}>
          <time>{formatTime(t)}</time>
          <span class="level">{level}</span>
          <span class="from">{worker ?? ""}</span>
          <div class="log-text">
            {text}
            {request !== undefined && onRequest !== undefined && (
              <>
                {" "}
                <button
                  type="button"
                  class="quiet log-request"
                  onClick={() => onRequest(request)}
                >
                  {request}
                </button>
              </>
            )}
            {traceback !== undefined && <pre>{traceback}</pre>}
          </div>
        </li>
      ))}
    </ol>
  );
}
