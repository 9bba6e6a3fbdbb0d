/** `aimodellib keygen` */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { passwordFile, secretKey } from "../archives/options.ts";
import { defineCommand } from "../command.ts";

const parser = object("Options", {
  secretKey,
  publicKey: withDefault(
    option("--public-key", "-p", string({ metavar: "FILE" }), {
      description: message`Where the public key is written, which others verify with.`,
    }),
    "aimodellib.pub",
  ),
  passwordFile,
  noPassword: withDefault(
    flag("--no-password", "-W", { description: message`Leave the secret key unencrypted.` }),
    false,
  ),
  force: withDefault(flag("--force", "-f", { description: message`Replace keys that are there.` }), false),
});

/** Makes a pair of keys. */
export const keygen = defineCommand({
  name: "keygen",
  brief: message`Make a pair of keys to sign Model Archives with.`,
  description: message`The keys are those of ${"minisign"}, which can use them too.`,
  parser,
  async run(options, io) {
    const { runKeygen } = await import("./action.ts");
    return await runKeygen(options, io);
  },
});
