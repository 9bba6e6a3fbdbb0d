/** The command `train`: its options and its help. */

import { namesArchive } from "../run/form.ts";
import { meantForm } from "../run/meant.ts";
import { defineCommand } from "../command.ts";
import { folder, folderOrArchive, script } from "../options/paths.ts";
import { scan } from "../options/scan.ts";
import { address, oneOf, seconds, whole } from "../options/values.ts";
import { runFields } from "../run/options.ts";
import { type Form, mapped, optionsFirst, type ValuesOf } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, flag, grouped, option, rest, unset, withDefault } from "../options/option.ts";
import { text } from "../options/text.ts";

/** The options for torchrun, with its own names. */
const launching = grouped("Several processes", {
  launcher: unset(
    option("--launcher", oneOf(["torchrun"], "NAME"), {
      description: message`Train in several processes, which PyTorch's launcher starts.`,
    }),
    message`a single process`,
  ),
  nprocPerNode: unset(
    option("--nproc-per-node", text("N"), {
      description:
        message`The number of processes on this host, or ${"auto"}, ${"cpu"} or ${"gpu"} for one per device.`,
    }),
    message`1`,
  ),
  nnodes: unset(
    option("--nnodes", text("N"), {
      description: message`The number of hosts, or a range such as ${"1:4"}.`,
    }),
    message`1`,
  ),
  nodeRank: unset(
    option("--node-rank", whole("N", 0), { description: message`The rank of this host.` }),
    message`the launcher chooses`,
  ),
  rdzvEndpoint: unset(
    option("--rdzv-endpoint", text("HOST:PORT"), {
      description: message`The rendezvous endpoint, where the hosts meet.`,
    }),
    message`this host only`,
  ),
  rdzvBackend: unset(
    option("--rdzv-backend", text("NAME"), { description: message`The rendezvous backend.` }),
    message`c10d`,
  ),
  rdzvId: unset(
    option("--rdzv-id", text("ID"), {
      description: message`The id of the run at the rendezvous endpoint.`,
    }),
    message`the launcher's`,
  ),
  maxRestarts: unset(
    option("--max-restarts", whole("N", 0), {
      description: message`How often all processes are restarted after one has failed.`,
    }),
    message`0`,
  ),
});

const fields = {
  ...runFields,
  ...grouped("TensorBoard", {
    tensorBoardEnabled: withDefault(
      flag("--enable-tensorboard", {
        description: message`Run TensorBoard on port ${"TB_PORT"} or 6006, and tell the script to write logs for it.`,
      }),
      false,
    ),
    keepTensorBoard: withDefault(
      flag("--keep-tensorboard", { description: message`Keep TensorBoard running after the training, until Ctrl+C.` }),
      false,
    ),
    tensorBoardHost: withDefault(
      option("--tensorboard-host", text("ADDRESS"), {
        description: message`The address that TensorBoard listens on; ${"0.0.0.0"} for all interfaces.`,
      }),
      "127.0.0.1",
    ),
    tensorBoardDir: unset(
      option("--tensorboard-dir", "-T", folder(), {
        description: message`The folder for the script's TensorBoard logs.`,
      }),
      message`from the manifest, or ${"tb_logs"}`,
    ),
  }),
  ...grouped("Console", {
    console: unset(
      option("--console", address(), {
        description:
          message`Show the log, curves and resources of the training in a browser, at this port of ${"127.0.0.1"}, or at this address and port. Port ${"0"} picks a free one.`,
      }),
      message`no console`,
    ),
  }),
  ...launching,
  stopTimeoutMs: withDefault(
    option("--stop-timeout", seconds(), {
      description: message`How long the script may take to end after Ctrl+C or SIGTERM before it is killed.`,
    }),
    30_000,
  ),
};

const modelDir = argument(folder("model_dir"), {
  description: message`The folder to save artifacts to; created if missing.`,
});

const args = rest(message`Everything after ${"model_dir"} is passed to the script unchanged, options included.`);

const line: Form<ParsedTrain> = optionsFirst({
  ...fields,
  module: argument(folderOrArchive("training_module"), {
    description: message`The folder with the training script and the source files that it imports.`,
  }),
  script: argument(script("training_script"), {
    description: message`The script's path, relative to that folder.`,
  }),
  modelDir,
  args,
});

const archiveLine = mapped(
  optionsFirst({ ...fields, module: argument(folderOrArchive("archive")), modelDir, args }),
  (parsed): ParsedTrain => ({ ...parsed, script: undefined }),
);

/** The form without arguments, where SageMaker determines everything. */
const bareLine = mapped(
  optionsFirst(fields),
  (parsed): ParsedTrain => ({ ...parsed, module: undefined, script: undefined, modelDir: "", args: [] }),
);

/** Returns the arguments after the options, which distinguish the forms. */
const wordsOf = (given: readonly string[]) => scan(fields, given, "first")?.words;

/** The result of parsing any of the forms. */
interface ParsedTrain extends ValuesOf<typeof fields> {
  /** The module or the archive; undefined if SageMaker determines it. */
  readonly module: string | undefined;
  /** Undefined for an archive, whose manifest names the script. */
  readonly script: string | undefined;
  readonly modelDir: string;
  readonly args: readonly string[];
}

/** The command `train`: its options, its help and what runs it. */
export const train = defineCommand({
  description:
    message`Runs the ${"train"} function of a script. Options come before ${"training_module"}. A Model Archive can replace ${"training_module"} and ${"training_script"}: ${"aimodellib train model.tar.gz model_dir"}.`,
  examples: [
    { does: "Train the module iris; the script saves its model in out", line: "aimodellib train iris train.py out" },
    {
      does: "Train what an archive holds, with arguments for the script",
      line: "aimodellib train model.tar.gz out --epochs 10",
    },
  ],
  form: line,
  meant(given) {
    return meantForm({ name: "train", usual: "train.py" }, wordsOf(given) ?? []);
  },
  scriptsIn: (before) => before.at(-1) ?? ".",
  otherForms: [{
    form: bareLine,
    fits(given) {
      return wordsOf(given)?.length === 0;
    },
  }, {
    form: archiveLine,
    begins: true,
    fits(given) {
      const [module, script] = wordsOf(given) ?? [];
      return module !== undefined && namesArchive(module, script);
    },
  }],
  async run(options, io, words) {
    const { runTraining } = await import("./action.ts");
    return await runTraining({ ...options, words, args: restoreSeparator(words, options) }, io);
  },
});

/**
 * Puts back a `--` directly after `model_dir`. It belongs to the script, like everything after it, but the parser drops it as the end of
 * the options.
 */
export function restoreSeparator(
  words: readonly string[],
  { args, modelDir }: { readonly args: readonly string[]; readonly modelDir: string },
): readonly string[] {
  return words.at(-args.length - 1) === "--" && modelDir !== "--" ? ["--", ...args] : args;
}
