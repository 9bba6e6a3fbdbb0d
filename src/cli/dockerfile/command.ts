/** `aimodellib dockerfile` */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { limits, trust } from "../archives/options.ts";
import { defineCommand } from "../command.ts";

const parser = merge(
  object("Options", {
    baseImage: optional(
      option("--base-image", string({ metavar: "IMAGE" }), {
        description:
          message`The image to build on, which has Python 3 with ${"venv"} and glibc. [python:X.Y-slim, for the archive's wheels]`,
      }),
    ),
    modelDir: withDefault(
      option("--model-dir", string({ metavar: "FOLDER" }), {
        description: message`The model directory, as a path from the folder that the image is built from.`,
      }),
      "model",
    ),
    port: withDefault(
      option("--port", integer({ min: 1, max: 65535, metavar: "PORT" }), {
        description: message`The port that the image listens on.`,
      }),
      8080,
    ),
    archive: argument(string({ metavar: "archive" }), { description: message`The Model Archive.` }),
  }),
  trust,
  limits,
);

/** Prints what a container image for a Model Archive is built from. */
export const dockerfile = defineCommand({
  name: "dockerfile",
  brief: message`Print a Dockerfile for a Model Archive.`,
  parser,
  async run(options, io) {
    const { runDockerfile } = await import("./action.ts");
    return await runDockerfile(options, io);
  },
});
