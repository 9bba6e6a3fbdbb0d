/** The command `dockerfile`: its options and its help. */

import { IMAGE_PORT } from "../archives/image_layout.ts";
import { limitFields, trustFields } from "../archives/options.ts";
import { defineCommand } from "../command.ts";
import { archiveFile, folder } from "../options/paths.ts";
import { port } from "../options/values.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, option, unset, withDefault } from "../options/option.ts";
import { text } from "../options/text.ts";

const line = form({
  baseImage: unset(
    option("--base-image", text("IMAGE"), {
      description: message`The base image; it needs glibc, and Python 3 with ${"venv"}.`,
    }),
    message`${"python:X.Y-slim"}, to match the archive's wheels`,
  ),
  modelDir: withDefault(
    option("--model-dir", folder("FOLDER"), {
      description: message`The model directory, relative to the build context.`,
    }),
    "model",
  ),
  port: withDefault(
    option("--port", port(1), {
      description: message`The port that the image listens on.`,
    }),
    IMAGE_PORT,
  ),
  archive: argument(archiveFile(), { description: message`The Model Archive.` }),
  ...trustFields,
  ...limitFields,
});

/** Prints a Dockerfile for a Model Archive. */
export const dockerfile = defineCommand({
  examples: [
    {
      does: "Write a Dockerfile for an archive and the model in model/",
      line: "aimodellib dockerfile model.tar.gz > Dockerfile",
    },
    {
      does: "Build on another image, after a check of the signature",
      line: "aimodellib dockerfile --base-image python:3.12-slim --key aimodellib.pub model.tar.gz",
    },
  ],
  form: line,
  async run(options, io) {
    const { runDockerfile } = await import("./action.ts");
    return await runDockerfile(options, io);
  },
});
