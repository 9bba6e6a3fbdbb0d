/** A file as the body: chosen, dropped or pasted. */

import { useState } from "hono/jsx/dom";
import { Preview } from "../components/preview.tsx";
import { useStore } from "../store.ts";
import { draft, takeFile } from "./draft.ts";
import { formatBytes } from "../format.ts";

/** A place to drop a file, to paste one, or to choose one from a dialog. */
export function FileField() {
  const { file } = useStore(draft);
  const [over, setOver] = useState(false);
  const take = (files: FileList | null | undefined) => {
    const [first] = files ?? [];
    if (first !== undefined) takeFile(first, first.name);
  };
  return (
    <div
      class="drop"
      data-over={over ? "" : undefined}
      tabindex={0}
      role="group"
      aria-label="File: drop one here, or paste it"
      onDragOver={(event: DragEvent) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event: DragEvent) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
      onPaste={(event: ClipboardEvent) => take(event.clipboardData?.files)}
    >
      {file !== undefined && (
        <div class="picked">
          <Preview blob={file.blob} type={draft.value.contentType} name={file.name} />
          <p>
            <strong>{file.name}</strong> <span class="note">{formatBytes(file.blob.size)}</span>
          </p>
          <button type="button" class="quiet" onClick={() => draft.patch({ file: undefined })}>Remove</button>
        </div>
      )}
      <p class="drop-say">
        Drop a file here, paste it, or{" "}
        <label class="choose">
          choose one
          <input
            type="file"
            class="hidden"
            onChange={(event: Event) => take((event.currentTarget as HTMLInputElement).files)}
          />
        </label>
      </p>
    </div>
  );
}
