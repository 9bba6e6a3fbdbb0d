/** What the page knows about the server: its models, and whether it can be reached. */

import type { ConsoleModel, Served } from "../served.ts";
import { fetchServed, token, Unauthorized } from "./api.ts";
import { Store, useStore } from "./store.ts";

/** The connection to the server, and what it serves. */
export type Standing =
  | { readonly kind: "asking" }
  | { readonly kind: "locked"; readonly message: string }
  | { readonly kind: "known"; readonly facts: Served }
  | { readonly kind: "gone"; readonly facts: Served | undefined };

/** How often the server is asked, in ms, while the page is visible. */
const INTERVAL_MS = 2000;

/** The current state, which {@linkcode followFacts} keeps up to date. */
export const standing: Store<Standing> = new Store<Standing>({ kind: "asking" });

/** The name of the model that the visitor has chosen; the first one if undefined. */
export const chosenModel: Store<string | undefined> = new Store<string | undefined>(undefined);

/** Returns the facts of a state, even if they may be outdated. */
export function factsOf(standing: Standing): Served | undefined {
  return "facts" in standing ? standing.facts : undefined;
}

/** Returns the chosen model in a component, or the first one; undefined until the server has said what it serves. */
export function useModel(): ConsoleModel | undefined {
  const models = factsOf(useStore(standing))?.models ?? [];
  const name = useStore(chosenModel);
  return models.find((model) => model.name === name) ?? models[0];
}

/** Asks the server once what it serves. */
async function askFacts(): Promise<void> {
  const asked = token.value;
  try {
    const facts = await fetchServed();
    const before = factsOf(standing.value);
    // Keep the identity of equal facts, so that components do not render again.
    const same = standing.value.kind === "known" && JSON.stringify(before) === JSON.stringify(facts);
    if (!same) standing.set({ kind: "known", facts });
  } catch (error) {
    if (asked !== token.value) return;
    if (error instanceof Unauthorized) {
      token.set(undefined);
      standing.set({ kind: "locked", message: error.missing ? "" : error.message });
    } else if (standing.value.kind !== "gone") standing.set({ kind: "gone", facts: factsOf(standing.value) });
  }
}

/** Asks now, and from then on at intervals while the page is visible and not locked. */
export function followFacts(): void {
  const ask = async () => {
    if (document.visibilityState === "visible" && standing.value.kind !== "locked") await askFacts();
    setTimeout(ask, INTERVAL_MS);
  };
  void ask();
  token.subscribe(() => token.value !== undefined && void askFacts());
}
