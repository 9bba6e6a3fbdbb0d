/** `aimodellib train` */

import { object, seq } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, withDefault } from "@optique/core/modifiers";
import { argument, flag, passThrough } from "@optique/core/primitives";
import { type InferValue, parse } from "@optique/core/parser";
import { string } from "@optique/core/valueparser";
import { namesArchive } from "../run/form.ts";
import { meantForm } from "../run/meant.ts";
import { defineCommand } from "../command.ts";
import { grouped, option, unset } from "../options/option.ts";
import { folder, folderOrArchive, script } from "../options/paths.ts";
import { oneOf, seconds, whole } from "../options/values.ts";
import { runFields } from "../run/options.ts";

/** What torchrun is told; its own names. */
const launching = grouped("Several processes", {
  launcher: unset(
    option("--launcher", oneOf(["torchrun"], "NAME"), {
      description: message`Train in several processes, which PyTorch's launcher starts.`,
    }),
    message`a single process`,
  ),
  nprocPerNode: unset(
    option("--nproc-per-node", string({ metavar: "N" }), {
      description: message`Processes on this host: a number, ${"auto"}, ${"cpu"} or ${"gpu"}.`,
    }),
    message`1`,
  ),
  nnodes: unset(
    option("--nnodes", string({ metavar: "N" }), { description: message`Hosts, or a range such as ${"1:4"}.` }),
    message`1`,
  ),
  nodeRank: unset(
    option("--node-rank", whole("N", 0), { description: message`Which of the hosts this one is.` }),
    message`the launcher chooses`,
  ),
  rdzvEndpoint: unset(
    option("--rdzv-endpoint", string({ metavar: "HOST:PORT" }), { description: message`Where the hosts meet.` }),
    message`this host alone`,
  ),
  rdzvBackend: unset(
    option("--rdzv-backend", string({ metavar: "NAME" }), { description: message`How they meet.` }),
    message`c10d`,
  ),
  rdzvId: unset(
    option("--rdzv-id", string({ metavar: "ID" }), {
      description: message`The run's name among others that meet there.`,
    }),
    message`the launcher's`,
  ),
  maxRestarts: unset(
    option("--max-restarts", whole("N", 0), {
      description: message`How often all processes are started again when one fails.`,
    }),
    message`0`,
  ),
});

const options = object({
  ...runFields,
  ...grouped("TensorBoard", {
    tensorBoardEnabled: withDefault(
      flag("--enable-tensorboard", {
        description: message`Run TensorBoard on port ${"TB_PORT"} or 6006, and tell the script to write logs for it.`,
      }),
      false,
    ),
    keepTensorBoard: withDefault(
      flag("--keep-tensorboard", { description: message`Leave TensorBoard up after training, until Ctrl+C.` }),
      false,
    ),
    tensorBoardHost: withDefault(
      option("--tensorboard-host", string({ metavar: "ADDRESS" }), {
        description: message`The address that TensorBoard listens on; ${"0.0.0.0"} for all.`,
      }),
      "127.0.0.1",
    ),
    tensorBoardDir: unset(
      option("--tensorboard-dir", "-T", folder(), { description: message`Where the script writes TensorBoard logs.` }),
      message`as the manifest says, or ${"tb_logs"}`,
    ),
  }),
  ...launching,
  stopTimeoutMs: withDefault(
    option("--stop-timeout", seconds(), {
      description: message`How long the script may take to end after Ctrl+C or SIGTERM before it is killed.`,
    }),
    30_000,
  ),
});

const trainingModule = argument(folderOrArchive("training_module"), {
  description: message`The folder with the training script and the source files that it imports.`,
});

const modelDir = argument(folder("model_dir"), {
  description: message`The folder to save artifacts to; it is made if it is not there.`,
});

const args = {
  ...passThrough({
    format: "greedy",
    description: message`All that follows is handed to the script as it is, options included.`,
  }),
  // Else a second `--` would be dropped too.
  canSkip: () => false,
};

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
    argument(script("training_script"), {
      description: message`The path of the script from that folder.`,
    }),
    modelDir,
    args,
  ),
  ([options, module, script, modelDir, args]): ParsedTrain => ({ ...options, module, script, modelDir, args }),
);

const archiveParser = map(
  seq(options, argument(folderOrArchive("archive")), modelDir, args),
  ([options, module, modelDir, args]): ParsedTrain => ({ ...options, module, script: undefined, modelDir, args }),
);

/** Where SageMaker says all. */
const bareParser = map(
  seq(options),
  ([options]): ParsedTrain => ({ ...options, module: undefined, script: undefined, modelDir: "", args: [] }),
);

/** Enough of all forms to tell them apart. */
const words = seq(options, args);

/** What all forms of the command line say. */
type ParsedTrain = InferValue<typeof options> & {
  /** Or the archive; not there where SageMaker says all. */
  readonly module: string | undefined;
  /** Not there for an archive: its manifest names it. */
  readonly script: string | undefined;
  readonly modelDir: string;
  readonly args: readonly string[];
};

/** The command `train`: its parser, its help and what runs it. */
export const train = defineCommand({
  description:
    message`Runs the ${"train"} function of a script. Options come before ${"training_module"}. In place of it and ${"training_script"}, a Model Archive can be named: ${"aimodellib train model.tar.gz model_dir"}.`,
  examples: [
    { does: "Train the module iris; the script saves its model in out", line: "aimodellib train iris train.py out" },
    {
      does: "Train what an archive holds, with arguments for the script",
      line: "aimodellib train model.tar.gz out --epochs 10",
    },
  ],
  parser,
  meant(given) {
    const parsed = parse(words, given);
    return parsed.success ? meantForm({ name: "train", usual: "train.py" }, parsed.value[1]) : undefined;
  },
  scriptsIn: (before) => before.at(-1) ?? ".",
  otherForms: [{
    parser: bareParser,
    fits(given) {
      const parsed = parse(words, given);
      return parsed.success && parsed.value[1].length === 0;
    },
  }, {
    parser: archiveParser,
    begins: true,
    fits(given) {
      const parsed = parse(words, given);
      return parsed.success && parsed.value[1][0] !== undefined && namesArchive(parsed.value[1][0], parsed.value[1][1]);
    },
  }],
  async run(options, io, words) {
    const { runTraining } = await import("./action.ts");
    return await runTraining({ ...options, words, args: restoreSeparator(words, options) }, io);
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
