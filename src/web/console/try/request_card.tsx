/** The request: its body, its headers, and the buttons that send and cancel it. */

import type { ConsoleModel } from "../../served.ts";
import { useStore } from "../store.ts";
import { BodyField } from "./body_field.tsx";
import { bodyOf, draft } from "./draft.ts";
import { cancel, exchange, send } from "./exchange.ts";
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

/** Sends the current draft to a model. */
export function sendDraft(model: ConsoleModel): void {
  const { v2, contentType, accept, kind, file, picture } = draft.value;
  void send({
    model: model.name,
    path: v2 ? `v2/models/${model.name}/infer` : model.path,
    contentType,
    accept,
    body: bodyOf(draft.value),
    name: kind === "file" ? file?.name : kind === "picture" ? picture?.name : undefined,
  });
}

/** The card of the request. */
export function RequestCard({ model }: { model: ConsoleModel }) {
  const { contentType, accept, fault } = useStore(draft);
  const phase = useStore(exchange)?.phase;
  const busy = phase === "sending" || phase === "receiving";
  const submit = (event: Event) => {
    event.preventDefault();
    sendDraft(model);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    sendDraft(model);
  };
  return (
    <form class="card request" aria-label="Request" onSubmit={submit} onKeyDown={onKey}>
      <Samples model={model} />
      <BodyField model={model} />
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
