/** `aimodellib train` */

import { object, seq } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, withDefault } from "@optique/core/modifiers";
import { argument, flag, option, passThrough } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { defineCommand } from "./command.ts";
import { python, seconds } from "./options.ts";

const options = object("Options", {
  python: python(),
  tensorBoardEnabled: withDefault(
    flag("--enable-tensorboard", { description: message`Tell the script to write TensorBoard logs.` }),
    false,
  ),
  tensorBoardDir: withDefault(
    option("--tensorboard-dir", "-T", string({ metavar: "DIR" }), {
      description: message`Where the script writes TensorBoard logs.`,
    }),
    "tb_logs",
  ),
  stopTimeoutMs: withDefault(
    option("--stop-timeout", seconds(), {
      description: message`How long the script may take to end after Ctrl+C or SIGTERM before it is killed.`,
    }),
    30_000,
  ),
});

const trainingModule = argument(string({ metavar: "training_module" }), {
  description: message`The folder with the training script and the source files that it imports.`,
});

const parser = map(
  seq(
    options,
    {
      ...trainingModule,
      /** Says of an option that is none which one may have been meant: the parser of the options knows. */
      parse(context) {
        const result = trainingModule.parse(context);
        if (result.success || context.buffer.length === 0) return result;
        const complaint = options.parse({ ...context, state: options.initialState });
        return complaint.success ? result : { ...result, error: complaint.error };
      },
    } satisfies typeof trainingModule,
    argument(string({ metavar: "training_script" }), {
      description: message`The path of the script from that folder.`,
    }),
    argument(string({ metavar: "model_dir" }), {
      description: message`The folder to save artifacts to; it is made if it is not there.`,
    }),
    {
      ...passThrough({
        format: "greedy",
        description: message`All that follows is handed to the script as it is, options included.`,
      }),
      // Else a second `--` would be dropped too.
      canSkip: () => false,
    },
  ),
  ([options, module, script, modelDir, args]) => ({ ...options, module, script, modelDir, args }),
);

/** Trains a model. */
export const train = defineCommand({
  name: "train",
  brief: message`Train a model.`,
  description: message`Runs the ${"train"} function of a script. Options come before ${"training_module"}.`,
  parser,
  async run(options, io, words) {
    const { runTraining } = await import("./run_train.ts");
    return await runTraining({ ...options, args: restoreSeparator(words, options) }, io);
  },
});

/**
 * A `--` right behind `model_dir` belongs to the script like all that follows, but ends the options for the parser, which
 * drops it: it is put back.
 */
export function restoreSeparator(
  words: readonly string[],
  { args, modelDir }: { readonly args: readonly string[]; readonly modelDir: string },
): readonly string[] {
  return words.at(-args.length - 1) === "--" && modelDir !== "--" ? ["--", ...args] : args;
}
