/** Turns a model of the command line into one of the supervisor's: opens it, watches it, and creates its workers. */

import { getLogger } from "@logtape/logtape";
import { describeFacts, type ModelSource } from "../supervisor/mod.ts";
import type { PoolConfig, PoolContext, ServedModel } from "./config.ts";
import { createPool } from "./pool.ts";
import { watch } from "./watch.ts";

const log = getLogger(["aimodellib", "serve"]);

/** How a model is run beside the other models of the same run. */
export interface SourceOptions {
  /** Whether it is the only model: logs and metrics do not name it then. */
  readonly alone: boolean;
  /** Replaces the workers. Called when a file of the module or of the model has changed, with `PoolConfig.reload`. */
  readonly reload: () => void;
}

/** Creates the supervisor's source of a model; the configuration determines its workers. */
export function modelSource(
  model: ServedModel,
  config: PoolConfig,
  context: PoolContext,
  { alone, reload }: SourceOptions,
): ModelSource {
  const { name } = model;
  return {
    name,
    async open(signal) {
      const files = await model.open(signal);
      if (model.known === undefined) log.info("Loading {what}", aboutFiles(name, files));
      const watching = config.reload ? watch([files.module, files.modelDir], reload) : undefined;
      return {
        facts: files.facts,
        createPool: () => createPool(files, alone ? undefined : name, config, context),
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
