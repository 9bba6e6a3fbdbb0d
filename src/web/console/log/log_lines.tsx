/** Shows lines of the log. */

import { memo } from "hono/jsx/dom";
import type { LogLine } from "../../wire.ts";
import { formatTime } from "../format.ts";
import { keyOf } from "../row_keys.ts";

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
      {lines.map((line) => <Row key={keyOf(line)} line={line} onRequest={onRequest} />)}
    </ol>
  );
}

interface RowProps {
  readonly line: LogLine;
  readonly onRequest: LogLinesProps["onRequest"] | undefined;
}

/** Rendered once for each line, however often lines follow. */
const Row = memo(
  ({ line: { t, level, worker, request, text, traceback }, onRequest }: RowProps) => (
    <li data-level={level}>
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
  ),
  (before: RowProps, after: RowProps) => before.line === after.line,
);
