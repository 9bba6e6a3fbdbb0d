/** The panel "Try it": a request, and its answer. */

import { useEffect } from "hono/jsx/dom";
import { useModel } from "../server.ts";
import { AnswerCard } from "./answer_card.tsx";
import { clearDraft, takeSample } from "./draft.ts";
import { RequestCard } from "./request_card.tsx";

/** The model whose first sample was loaded. */
let begun: string | undefined;

/** A request on one side, and its answer on the other. */
export function TryPanel() {
  const model = useModel();
  const sample = model?.samples[0];
  useEffect(() => {
    if (model === undefined || begun === model.name || model.state === "loading") return;
    begun = model.name;
    clearDraft();
    if (sample !== undefined) void takeSample(model, sample.name);
  }, [model?.name, model?.state]);
  if (model === undefined) return null;
  return (
    <div class="try">
      <RequestCard model={model} />
      <AnswerCard />
    </div>
  );
}
