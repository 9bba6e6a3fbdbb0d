/** Logs which model is opened, and watches its files while it is open. */

import { getLogger } from "@logtape/logtape";
import { describeFacts, type ServedModel } from "../supervisor/mod.ts";
import { watch } from "./watch.ts";

const log = getLogger(["aimodellib", "serve"]);

/**
 * Returns the same model with an `open` that logs facts which were not known before.
 *
 * @param reload called when a file of the module or of the model has changed; undefined watches nothing
 * @param written returns the paths of files that this program writes to, whose changes do not count
 */
export function observed(
  model: ServedModel,
  reload: (() => void) | undefined,
  written: () => readonly string[],
): ServedModel {
  return {
    ...model,
    async open(signal) {
      const files = await model.open(signal);
      if (model.known === undefined) log.info("Loading {what}", aboutFiles(model.name, files));
      const watching = reload && watch([files.module, files.modelDir], written, reload);
      return {
        ...files,
        [Symbol.dispose]() {
          watching?.[Symbol.dispose]();
          files[Symbol.dispose]?.();
        },
      };
    },
  };
}

/** Returns what a log record says of a model: a description for people, and its facts. */
export function aboutFiles(model: string, { facts, script, python }: NonNullable<ServedModel["known"]>) {
  const now = facts();
  return {
    what: `'${model}', ${describeFacts(now, python)}`,
    model,
    ...now,
    script_path: script,
    python_path: python,
  };
}
