/** The command `package`: its options and its help. */

import { defineCommand } from "../command.ts";
import { ARCHIVES, file, folder, script } from "../options/paths.ts";
import { checkFields, whole } from "../options/values.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { flag, grouped, multiple, option, unset, withDefault } from "../options/option.ts";
import { text } from "../options/text.ts";

const content = grouped("Content", {
  moduleDir: withDefault(
    option("--module-dir", "-m", folder(), {
      description: message`The folder with all source files and an optional ${"requirements.txt"}.`,
    }),
    "",
    message`the working directory`,
  ),
  trainScript: unset(
    option("--train-script", "-t", script(), {
      description: message`The training script's path, relative to that folder.`,
    }),
    message`${"train.py"}`,
  ),
  serveScript: unset(
    option("--serve-script", "-s", script(), {
      description: message`The serving script's path, relative to that folder.`,
    }),
    message`${"serve.py"}`,
  ),
  modelDir: unset(
    option("--model-dir", folder(), {
      description: message`A trained model to include. Serving the archive then needs no model directory.`,
    }),
    message`none`,
  ),
  manifestFile: unset(
    option("--manifest-file", "-M", file("FILE", [".json"]), {
      description: message`A ${"manifest.json"} to use instead of the options for scripts and logs.`,
    }),
    message`none`,
  ),
});

const logs = grouped("Log and TensorBoard", {
  logNameFormat: unset(
    option("--log-name-format", "-l", text("FORMAT"), {
      description: message`The name of log files, as a ${"strftime"} format.`,
    }),
    message`${"%Y-%m-%dT%H-%M-%S.log"}`,
  ),
  logDir: unset(
    option("--log-dir", "-L", folder(), {
      description: message`The folder for log files, relative to a run's folder.`,
    }),
    message`${"logs"}`,
  ),
  enableTensorboard: withDefault(
    flag("--enable-tensorboard", {
      description: message`Run TensorBoard beside a training, on port ${"TB_PORT"} or 6006.`,
    }),
    false,
  ),
  tensorboardDir: unset(
    option("--tensorboard-dir", "-T", folder(), {
      description: message`The folder for TensorBoard logs, relative to a run's folder.`,
    }),
    message`${"tb_logs"}`,
  ),
});

const wheels = grouped("Wheels", {
  bundleWheels: withDefault(
    flag("--bundle-wheels", {
      description: message`Include the wheels of ${"requirements.txt"} and of their dependencies.`,
    }),
    false,
  ),
  pythonVersion: unset(
    option("--python-version", text("VERSION"), {
      description: message`The Python version of these wheels, such as ${"3.12"}.`,
    }),
    message`that of ${"--python"}`,
  ),
  platforms: multiple(
    option("--platform", text("PLATFORM"), {
      description:
        message`The platform of these wheels, by pip's name, such as ${"manylinux_2_28_x86_64"}; may be repeated. Without it, this machine.`,
    }),
  ),
});

const output = grouped("Output", {
  output: withDefault(
    option("--output", "-o", file("FILE", ARCHIVES), {
      description: message`The archive's file; ${"-"} for standard output.`,
    }),
    "model.tar.gz",
  ),
  level: withDefault(
    option("--level", whole("0-9", 0, 9), {
      description: message`The compression level; 0 stores without compression.`,
    }),
    6,
  ),
  quiet: withDefault(flag("--quiet", "-q", { description: message`Print errors only.` }), false),
  json: withDefault(flag("--json", { description: message`Print the result as JSON.` }), false),
});

const line = form({ ...content, ...logs, ...wheels, ...output, ...checkFields });

/** Packs a module into a Model Archive. */
export const packageCommand = defineCommand({
  description: message`Packs a module into one file that can be trained and served on other machines.`,
  examples: [
    { does: "Pack the module in iris into model.tar.gz", line: "aimodellib package -m iris" },
    {
      does: "Pack it with the trained model in out and with all wheels, for a host without a network",
      line: "aimodellib package -m iris --model-dir out --bundle-wheels -o iris.tar.gz",
    },
  ],
  form: line,
  scriptsIn: (before) => before[before.findLastIndex((word) => word === "-m" || word === "--module-dir") + 1] ?? ".",
  async run(options, io) {
    const { runPackaging } = await import("./action.ts");
    return await runPackaging(options, io);
  },
});
