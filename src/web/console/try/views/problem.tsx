/** Shows what went wrong in a request: in which function, by which exception, with which message. */

import { mayReadLog } from "../../live.ts";
import { useStore } from "../../store.ts";
import { isProblem } from "../answer.ts";

/** The problem of an answer. @param props.requestId finds its records in the log */
export function ProblemView({ problem, requestId }: { problem: unknown; requestId: string }) {
  const mayRead = useStore(mayReadLog);
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
      {requestId !== "" && !mayRead && (
        <p class="note">
          {stage === undefined
            ? "The request's id in the log is"
            : "The traceback is in the log, under the request's id"} <code>{requestId}</code>.
        </p>
      )}
    </div>
  );
}
