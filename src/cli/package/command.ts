/** `aimodellib package` */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { defineCommand } from "../command.ts";
import { check } from "../options/values.ts";

const path = (metavar: "DIR" | "FILE") => string({ metavar });

const parser = merge(
  object("Options", {
    moduleDir: withDefault(
      option("--module-dir", "-m", path("DIR"), {
        description: message`The folder with all source files, and ${"requirements.txt"} if there is one.`,
      }),
      "",
    ),
    trainScript: optional(
      option("--train-script", "-t", path("FILE"), {
        description: message`The path of the training script from that folder. [train.py]`,
      }),
    ),
    serveScript: optional(
      option("--serve-script", "-s", path("FILE"), {
        description: message`The path of the serving script from that folder. [serve.py]`,
      }),
    ),
    logNameFormat: optional(
      option("--log-name-format", "-l", string({ metavar: "FORMAT" }), {
        description: message`How log files are named, for ${"strftime"}. [%Y-%m-%dT%H-%M-%S.log]`,
      }),
    ),
    logDir: optional(
      option("--log-dir", "-L", path("DIR"), {
        description: message`Where log files are written, from the root of a run. [logs]`,
      }),
    ),
    enableTensorboard: withDefault(
      flag("--enable-tensorboard", {
        description: message`Run a TensorBoard server on port ${"TB_PORT"} or 6006.`,
      }),
      false,
    ),
    tensorboardDir: optional(
      option("--tensorboard-dir", "-T", path("DIR"), {
        description: message`Where TensorBoard logs are written, from the root of a run. [tb_logs]`,
      }),
    ),
    manifestFile: optional(
      option("--manifest-file", "-M", path("FILE"), {
        description: message`A ${"manifest.json"} to use instead of one made from the options above.`,
      }),
    ),
    modelDir: optional(
      option("--model-dir", path("DIR"), {
        description:
          message`A trained model to put into the archive, which then is served without a model directory. [none]`,
      }),
    ),
    output: withDefault(
      option("--output", "-o", path("FILE"), {
        description: message`Where the archive is written; ${"-"} for standard output.`,
      }),
      "model.tar.gz",
    ),
    level: withDefault(
      option("--level", integer({ min: 0, max: 9, metavar: "0-9" }), {
        description: message`How hard to compress; 0 not at all.`,
      }),
      6,
    ),
    bundleWheels: withDefault(
      flag("--bundle-wheels", {
        description: message`Put the wheels of ${"requirements.txt"} and of what they need into the archive.`,
      }),
      false,
    ),
    pythonVersion: optional(
      option("--python-version", string({ metavar: "VERSION" }), {
        description: message`The Python that those wheels are for, such as ${"3.12"}. [that of ${"--python"}]`,
      }),
    ),
    platforms: multiple(
      option("--platform", string({ metavar: "PLATFORM" }), {
        description:
          message`And the machine, in pip's words, such as ${"manylinux_2_28_x86_64"}; may be repeated. [this one]`,
      }),
    ),
    quiet: withDefault(flag("--quiet", "-q", { description: message`Print errors only.` }), false),
    json: withDefault(flag("--json", { description: message`Print the result as JSON.` }), false),
  }),
  check,
);

/** Makes a Model Archive. */
export const packageCommand = defineCommand({
  name: "package",
  brief: message`Make a Model Archive.`,
  description: message`Packs a module into one file that can be trained and served elsewhere.`,
  parser,
  async run(options, io) {
    const { runPackaging } = await import("./action.ts");
    return await runPackaging(options, io);
  },
});
