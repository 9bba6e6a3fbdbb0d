/** The left side of the header: the model and its state. */

import { useEffect } from "hono/jsx/dom";
import { chosenModel, factsOf, standing, useModel } from "../server.ts";
import { useStore } from "../store.ts";

/** How many digits of an archive's digest are shown. */
const DIGITS = 12;

/** The model's name (a list to choose from if there are several), its state, and where it comes from. */
export function ModelHead() {
  const where = useStore(standing);
  const facts = factsOf(where);
  const model = useModel();
  useEffect(() => {
    document.title = model === undefined ? "aimodellib" : `${model.name} – aimodellib`;
  }, [model?.name]);
  const models = facts?.models ?? [];
  const state = where.kind === "gone" ? "gone" : model?.state ?? "asking";
  const { archive, sha256, script, python } = model?.facts ?? {};
  return (
    <div class="model">
      <img src="console/icon.svg" width={28} height={28} alt="" />
      <div class="model-text">
        <div class="model-line">
          {models.length > 1
            ? (
              <>
                <h1 class="hidden">{model?.name}</h1>
                <select
                  aria-label="Model"
                  value={model?.name}
                  onChange={(event: Event) => chosenModel.set((event.currentTarget as HTMLSelectElement).value)}
                >
                  {models.map(({ name }) => <option key={name} value={name}>{name}</option>)}
                </select>
              </>
            )
            : <h1>{model?.name ?? "aimodellib"}</h1>}
          <output class="state" data-state={state}>{SAID[state] ?? state}</output>
        </div>
        <p class="origin">
          {[
            script,
            archive,
            sha256 && `sha256 ${sha256.slice(0, DIGITS)}`,
            python && `Python ${python}`,
            facts && `aimodellib ${facts.version}`,
          ].filter(Boolean).map((part, index) => <span key={index}>{part}</span>)}
        </p>
      </div>
    </div>
  );
}

const SAID: Readonly<Record<string, string>> = { asking: "…", gone: "server unreachable" };
