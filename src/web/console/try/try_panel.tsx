/** The panel "Try it": a request, and its answer. */

import { useEffect } from "hono/jsx/dom";
import type { ConsoleModel } from "../../served.ts";
import { useModel } from "../server.ts";
import { AnswerCard } from "./answer_card.tsx";
import { CodeCard } from "./code_card.tsx";
import { clearDraft, takeSample } from "./draft.ts";
import { clearExchange } from "./exchange.ts";
import { beginForm } from "./form/form_field.tsx";
import { loadSchema } from "./form/form_store.ts";
import { hasDrawing } from "./form/schema.ts";
import { HistoryCard } from "./history_card.tsx";
import { RequestCard } from "./request_card.tsx";

/** The model whose first request was prepared. */
let begun: string | undefined;

/** A request on one side, and its answer on the other. */
export function TryPanel() {
  const model = useModel();
  const isOpen = model !== undefined && (model.samples.length > 0 || model.state !== "loading");
  useEffect(() => {
    if (model === undefined || !isOpen || begun === model.name) return;
    begun = model.name;
    void begin(model);
  }, [model?.name, isOpen]);
  if (model === undefined) return null;
  return (
    <div class="try">
      <div class="column">
        <RequestCard model={model} />
        <CodeCard model={model} />
      </div>
      <div class="column answer-column">
        <AnswerCard />
        <HistoryCard />
      </div>
    </div>
  );
}

/** Prepares a first request, so that a visitor only has to send it: a drawing, else the first sample, else a form. */
async function begin(model: ConsoleModel): Promise<void> {
  clearDraft();
  clearExchange();
  const schema = await loadSchema(model);
  const [sample] = model.samples;
  if (schema !== undefined && (sample === undefined || hasDrawing(schema, schema))) beginForm(model);
  else if (sample !== undefined) await takeSample(model, sample.name);
}
