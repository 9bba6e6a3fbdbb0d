/** The command `keygen`: its options and its help. */

import { passwordFile, secretKey } from "../archives/options.ts";
import { defineCommand } from "../command.ts";
import { publicKey } from "../options/paths.ts";
import { form } from "../options/form.ts";
import { message } from "../options/message.ts";
import { flag, option, withDefault } from "../options/option.ts";

const line = form({
  secretKey,
  publicKey: withDefault(
    option("--public-key", "-p", publicKey("FILE"), {
      description: message`The file for the public key, with which others verify signatures.`,
    }),
    "aimodellib.pub",
  ),
  passwordFile,
  noPassword: withDefault(
    flag("--no-password", "-W", { description: message`Leave the secret key unencrypted.` }),
    false,
  ),
  json: withDefault(
    flag("--json", { description: message`Print the result as JSON, with the line of the public key.` }),
    false,
  ),
  force: withDefault(flag("--force", "-f", { description: message`Replace existing keys.` }), false),
});

/** Generates a key pair for signatures. */
export const keygen = defineCommand({
  description: message`The keys have the format of ${"minisign"}, and both programs can use them.`,
  examples: [
    { does: "Make aimodellib.key and aimodellib.pub; the password is asked", line: "aimodellib keygen" },
    { does: "Make keys with other names", line: "aimodellib keygen -s team.key -p team.pub" },
  ],
  form: line,
  async run(options, io) {
    const { runKeygen } = await import("./action.ts");
    return await runKeygen(options, io);
  },
});
