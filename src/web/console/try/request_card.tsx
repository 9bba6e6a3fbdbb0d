/** The request: its body, its headers, and the buttons that send and cancel it. */

import type { ConsoleModel } from "../../served.ts";
import { useStore } from "../store.ts";
import { BodyField } from "./body_field.tsx";
import { bodyOf, draft, nameOf, pathOf } from "./draft.ts";
import { cancel, exchange, send } from "./exchange.ts";
import { inputsOf } from "./form/tensors.ts";
import { remember } from "./history.ts";
import { Samples } from "./samples.tsx";

const TYPES = [
  "application/json",
  "text/csv",
  "text/plain",
  "image/png",
  "image/jpeg",
  "audio/wav",
  "application/x-npy",
];
const ACCEPTED = ["*/*", "application/json", "text/csv", "text/plain", "text/event-stream", "image/png"];

/** How long a drawing rests before it is sent, in ms. */
const PAUSE_MS = 400;

let soon: ReturnType<typeof setTimeout> | undefined;

/** Sends the current draft to a model, and keeps it with its answer in the history. */
async function sendDraft(model: ConsoleModel): Promise<void> {
  const current = draft.value;
  const { contentType, accept } = current;
  await remember(
    await send({
      model: model.name,
      path: pathOf(current, model),
      contentType,
      accept,
      body: bodyOf(current),
      name: nameOf(current),
    }),
  );
}

/** The card of the request. */
export function RequestCard({ model }: { model: ConsoleModel }) {
  const { contentType, accept, fault, v2 } = useStore(draft);
  const phase = useStore(exchange)?.phase;
  const busy = phase === "sending" || phase === "receiving";
  // The next stroke of the same drawing may follow.
  const sendSoon = () => {
    clearTimeout(soon);
    soon = setTimeout(() => void sendDraft(model), PAUSE_MS);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void sendDraft(model);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void sendDraft(model);
  };
  return (
    <form class="card request" aria-label="Request" onSubmit={submit} onKeyDown={onKey}>
      <div class="request-head">
        <div class="target">
          <span class="method">POST</span>
          {inputsOf(model.tensors).length === 0 ? <code>/{model.path}</code> : (
            <select
              aria-label="Path"
              value={v2 ? "v2" : ""}
              onChange={(event: Event) =>
                draft.patch({ v2: (event.currentTarget as HTMLSelectElement).value === "v2" })}
            >
              <option value="">/{model.path}</option>
              <option value="v2">/v2/models/{model.name}/infer</option>
            </select>
          )}
        </div>
        <Samples model={model} />
      </div>
      <BodyField model={model} onDrawn={sendSoon} />
      {fault !== "" && <p class="error" role="alert">{fault}</p>}
      <div class="headers">
        <label>
          Content-Type
          <input
            list="types"
            value={contentType}
            spellcheck={false}
            onInput={(event: Event) => draft.patch({ contentType: (event.currentTarget as HTMLInputElement).value })}
          />
        </label>
        <label>
          Accept
          <input
            list="accepted"
            value={accept}
            spellcheck={false}
            onInput={(event: Event) => draft.patch({ accept: (event.currentTarget as HTMLInputElement).value })}
          />
        </label>
        <datalist id="types">{TYPES.map((type) => <option key={type} value={type} />)}</datalist>
        <datalist id="accepted">{ACCEPTED.map((type) => <option key={type} value={type} />)}</datalist>
      </div>
      <div class="actions">
        <button type="submit" class="primary">Send</button>
        <button type="button" disabled={!busy} onClick={cancel}>Cancel</button>
        <span class="note keys">
          <kbd>Ctrl</kbd> <kbd>Enter</kbd>
        </span>
      </div>
    </form>
  );
}
