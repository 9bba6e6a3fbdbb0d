/** Compares two answers line by line. */

import { isJson } from "../../../client/content_type.ts";
import { diffLines, type Line } from "./diff.ts";
import { formatMs, formatTime } from "../format.ts";
import type { Entry } from "./history.ts";
import { formatJson } from "./json_text.ts";

/** The differences of two answers, as one text: what only the first has, what only the second has, and what both have. */
export function Compare({ before, after }: { before: Entry; after: Entry }) {
  const [a, b] = [textOf(before), textOf(after)];
  const lines = a === undefined || b === undefined ? undefined : diffLines(a, b);
  const equal = lines?.every(({ kind }) => kind === "both") ?? false;
  return (
    <div class="compare">
      <p class="note">
        <span class="minus">− {label(before)}</span> <span class="plus">+ {label(after)}</span>
      </p>
      {lines === undefined
        ? <p class="note">One of the answers is not text, or is too long to be kept for a comparison.</p>
        : equal
        ? <p>The answers are equal.</p>
        : <pre class="diff" tabindex={0}>{lines.map((line, index) => <DiffLine key={index} line={line} />)}</pre>}
    </div>
  );
}

function label({ time, status, ms }: Entry): string {
  return `${formatTime(time)}, ${status}, ${formatMs(ms)}`;
}

function DiffLine({ line: { kind, text } }: { line: Line }) {
  const sign = kind === "both" ? " " : kind === "before" ? "−" : "+";
  return <span class={`line-${kind}`}>{`${sign} ${text}\n`}</span>;
}

/** The text of an answer; JSON with a line for each of its parts. */
function textOf({ answer, answerType }: Entry): string | undefined {
  if (answer === undefined || !isJson(answerType)) return answer;
  try {
    return formatJson(answer, 0);
  } catch {
    return answer;
  }
}
