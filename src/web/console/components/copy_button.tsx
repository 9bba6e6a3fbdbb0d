/** A button that copies a text. */

import { useState } from "hono/jsx/dom";

/** How long the button shows the confirmation, in ms. */
const SAID_MS = 1500;

/** A button that copies a text to the clipboard and confirms it. */
export function CopyButton({ text }: { text: string }) {
  const [said, say] = useState("");
  const copy = async () => {
    say(await copied(text) ? "Copied" : "Not copied");
    setTimeout(() => say(""), SAID_MS);
  };
  return (
    <button type="button" class="quiet copy" onClick={() => void copy()}>
      <span aria-live="polite">{said || "Copy"}</span>
    </button>
  );
}

/** Copies a text. Without TLS, browsers only have the older `execCommand`. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
