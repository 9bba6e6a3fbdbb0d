/** Shows what went wrong in a request: in which function, by which exception, with which message. */

import { isProblem } from "../answer.ts";

/** The problem of an answer. @param props.requestId finds its records in the log */
export function ProblemView({ problem, requestId }: { problem: unknown; requestId: string }) {
  if (!isProblem(problem)) return null;
  const { title, detail, stage, exception, message } = problem;
  return (
    <div class="problem">
      {stage === undefined ? <p class="problem-what">{title}</p> : (
        <p class="problem-what">
          <code>{stage}()</code> raised <code>{exception}</code>
        </p>
      )}
      <pre class="problem-message" tabindex={0}>{message ?? detail ?? ""}</pre>
      {requestId !== "" && (
        <p class="note">
          The log has more under the request's id, <code>{requestId}</code>
          {stage !== undefined && ", such as the traceback"}.
        </p>
      )}
    </div>
  );
}
