/** Replaces the workers by new ones, which load the script and the model again. */

import { useEffect, useState } from "hono/jsx/dom";
import type { Facts, Reloaded } from "../../wire.ts";
import { requestJson } from "../api.ts";

/** A button for visitors who may reload; renders nothing for others. */
export function ReloadButton() {
  const [may, setMay] = useState(false);
  const [said, say] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    requestJson<Facts>("console/facts").then((facts) => setMay(facts.may.reload), () => setMay(false));
  }, []);
  if (!may) return null;
  const reload = async () => {
    setBusy(true);
    say("Reloading …");
    say(await reloaded());
    setBusy(false);
  };
  return (
    <div class="reload">
      <span class="note" role="status">{said}</span>
      <button type="button" disabled={busy} onClick={() => void reload()}>Reload</button>
    </div>
  );
}

async function reloaded(): Promise<string> {
  try {
    const { models } = await requestJson<Reloaded>("admin/reload", { method: "POST" });
    const failed = models.filter((model) => !model.reloaded);
    return failed.length === 0 ? "Reloaded" : failed.map(({ name, cause }) => `${name}: ${cause}`).join("; ");
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
