/** The samples of a model, as buttons. */

import type { ConsoleModel } from "../../served.ts";
import { takeSample } from "./draft.ts";
import { formatBytes } from "../format.ts";

/** A button for each sample, which makes it the body; nothing if the model has none. */
export function Samples({ model }: { model: ConsoleModel }) {
  if (model.samples.length === 0) return null;
  return (
    <div class="samples" role="group" aria-label="Samples">
      {model.samples.map(({ name, size, type }) => (
        <button
          key={name}
          type="button"
          title={`${type}, ${formatBytes(size)}`}
          onClick={() => void takeSample(model, name)}
        >
          {name.slice(name.lastIndexOf("/") + 1)}
        </button>
      ))}
    </div>
  );
}
