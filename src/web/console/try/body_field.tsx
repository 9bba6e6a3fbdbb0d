/** The body of the request: tabs for the ways to make it. */

import type { ConsoleModel } from "../../served.ts";
import { Tabs } from "../components/tabs.tsx";
import { useStore } from "../store.ts";
import { chooseKind, draft, type Kind } from "./draft.ts";
import { FileField } from "./file_field.tsx";
import { beginForm, FormField } from "./form/form_field.tsx";
import { schema } from "./form/form_store.ts";
import { inputsOf } from "./form/tensors.ts";
import { JsonEditor } from "./json_editor.tsx";
import { PictureField } from "./picture/picture_field.tsx";

const KINDS: readonly { id: Kind; title: string }[] = [
  { id: "json", title: "JSON" },
  { id: "text", title: "Text" },
  { id: "file", title: "File" },
  { id: "picture", title: "Picture" },
];

/** The tabs, and the field of the current one. @param props.onDrawn called when a drawing of a form is ready to be sent */
export function BodyField({ model, onDrawn }: { model: ConsoleModel; onDrawn: () => void }) {
  const { kind } = useStore(draft);
  const hasForm = useStore(schema) !== undefined || inputsOf(model.tensors).length > 0;
  return (
    <Tabs
      label="Body"
      tabs={hasForm ? [{ id: "form", title: "Form" }, ...KINDS] : KINDS}
      current={kind}
      onChoose={(id) => id === "form" ? beginForm(model) : chooseKind(id as Kind)}
    >
      <BodyOf kind={kind} model={model} onDrawn={onDrawn} />
    </Tabs>
  );
}

function BodyOf({ kind, model, onDrawn }: { kind: Kind; model: ConsoleModel; onDrawn: () => void }) {
  switch (kind) {
    case "form":
      return <FormField model={model} onDrawn={onDrawn} />;
    case "json":
      return <JsonEditor />;
    case "text":
      return <TextField />;
    case "file":
      return <FileField />;
    case "picture":
      return <PictureField />;
  }
}

function TextField() {
  const { text } = useStore(draft);
  return (
    <textarea
      aria-label="Text"
      class="editor"
      spellcheck={false}
      value={text}
      onInput={(event: Event) => draft.patch({ text: (event.currentTarget as HTMLTextAreaElement).value })}
    />
  );
}
