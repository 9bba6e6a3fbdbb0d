/** The body of the request: tabs for the ways to make it. */

import type { ConsoleModel } from "../../served.ts";
import { Tabs } from "../components/tabs.tsx";
import { useStore } from "../store.ts";
import { chooseKind, draft, type Kind } from "./draft.ts";
import { FileField } from "./file_field.tsx";
import { JsonEditor } from "./json_editor.tsx";

const KINDS: readonly { id: Kind; title: string }[] = [
  { id: "json", title: "JSON" },
  { id: "text", title: "Text" },
  { id: "file", title: "File" },
];

/** The tabs, and the field of the current one. */
export function BodyField(_: { model: ConsoleModel }) {
  const { kind } = useStore(draft);
  return (
    <Tabs label="Body" tabs={KINDS} current={kind} onChoose={(id) => chooseKind(id as Kind)}>
      <Field kind={kind} />
    </Tabs>
  );
}

function Field({ kind }: { kind: Kind }) {
  switch (kind) {
    case "text":
      return <TextField />;
    case "file":
      return <FileField />;
    default:
      return <JsonEditor />;
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
