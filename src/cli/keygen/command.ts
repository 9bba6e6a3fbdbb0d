/** `aimodellib keygen` */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { flag } from "@optique/core/primitives";
import { passwordFile, secretKey } from "../archives/options.ts";
import { defineCommand } from "../command.ts";
import { option } from "../options/option.ts";
import { publicKey } from "../options/paths.ts";

const parser = object({
  secretKey,
  publicKey: withDefault(
    option("--public-key", "-p", publicKey("FILE"), {
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
  description: message`The keys are those of ${"minisign"}, which can use them too.`,
  examples: [
    { does: "Make aimodellib.key and aimodellib.pub; the password is asked", line: "aimodellib keygen" },
    { does: "Make keys with other names", line: "aimodellib keygen -s team.key -p team.pub" },
  ],
  parser,
  async run(options, io) {
    const { runKeygen } = await import("./action.ts");
    return await runKeygen(options, io);
  },
});
