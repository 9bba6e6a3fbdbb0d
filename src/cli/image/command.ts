/** The command `image`: its options and its help. */

import { limitFields, trustFields } from "../archives/options.ts";
import { defineCommand } from "../command.ts";
import { anyPath, archiveFile, file, folder, program } from "../options/paths.ts";
import { port } from "../options/values.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { argument, flag, option, unset, withDefault } from "../options/option.ts";
import { text } from "../options/text.ts";

const line = form({
  base: option("--base", anyPath("LAYOUT|TAR"), {
    description:
      message`The image to build on: an OCI layout (a folder or a tar archive) or an archive of ${"docker save"}; ${":TAG"} behind it chooses one of several images. It needs glibc, and Python 3.`,
  }),
  output: withDefault(
    option("--output", "-o", file("FILE", [".tar"]), { description: message`The file for the image.` }),
    "image.tar",
  ),
  tag: withDefault(
    option("--tag", "-t", text("NAME[:TAG]"), { description: message`The image's name.` }),
    "model:latest",
  ),
  modelDir: unset(
    option("--model-dir", folder(), { description: message`A trained model to include, if the archive has none.` }),
    message`none; the image expects a volume at ${"/srv/model"}`,
  ),
  port: withDefault(option("--port", port(1), { description: message`The port that the image listens on.` }), 8080),
  platform: unset(
    option("--platform", text("OS/ARCH[/VARIANT]"), {
      description: message`The platform of the image, such as ${"linux/arm64"}; another one needs ${"--executable"}.`,
    }),
    message`that of the executable`,
  ),
  executable: unset(
    option("--executable", program("FILE"), {
      description: message`The ${"aimodellib"} that goes into the image.`,
    }),
    message`the running one`,
  ),
  basePython: unset(
    option("--base-python", text("PATH"), {
      description: message`The Python of the base, such as ${"/usr/local/bin/python3.12"}.`,
    }),
    message`the first ${"python3"} on the base's ${"PATH"}`,
  ),
  quiet: withDefault(flag("--quiet", "-q", { description: message`Print errors only.` }), false),
  json: withDefault(flag("--json", { description: message`Print the result as JSON.` }), false),
  archive: argument(archiveFile(), { description: message`The Model Archive; ${"-"} for standard input.` }),
  ...trustFields,
  ...limitFields,
});

/** Writes a container image for a Model Archive, without Docker. */
export const image = defineCommand({
  description:
    message`Adds the executable, the bundled wheels, the code and the model to a base, each as a layer, and writes an OCI image as a tar archive. It needs neither a network nor a container engine. The same files make the same bytes.`,
  examples: [
    {
      does: "Write image.tar, based on an image that skopeo has copied to the folder python",
      line: "aimodellib image --base python model.tar.gz",
    },
    {
      does: "Write an image with the model of the folder out, after a check of the signature",
      line:
        "aimodellib image --base python.tar --model-dir out --key aimodellib.pub -o iris.tar -t iris:1 model.tar.gz",
    },
  ],
  form: line,
  async run(options, io) {
    const { runImage } = await import("./action.ts");
    return await runImage(options, io);
  },
});
