/** What the commands that read an archive have in common. */

import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { grouped, option, unset } from "../options/option.ts";
import { file, publicKey, secretKeyFile } from "../options/paths.ts";
import { size, whole } from "../options/values.ts";

/** The key that signs. */
export const secretKey = withDefault(
  option("--secret-key", "-s", secretKeyFile(), {
    description: message`The secret key; keep it to yourself.`,
  }),
  "aimodellib.key",
);

/** The option that names a file with the secret key's password. */
export const passwordFile = unset(
  option("--password-file", file(), {
    description: message`A file with the key's password.`,
    env: "AIMODELLIB_KEY_PASSWORD",
  }),
  message`the terminal is asked`,
);

/** Who must have signed. */
export const trustFields = grouped("Signature", {
  key: unset(
    option("--key", "-k", publicKey(), {
      description:
        message`Demand a signature, in the format of ${"minisign"}, by this public key: its file, or its text.`,
    }),
    message`no signature is needed`,
  ),
  signature: unset(
    option("--signature", "-x", file("FILE", [".minisig"]), {
      description: message`Where that signature is.`,
    }),
    message`the archive's path and ${".minisig"}`,
  ),
});

/** How much an archive may be. */
export const limitFields = grouped("Archive limits", {
  maxEntries: withDefault(
    option("--max-entries", whole("N", 1), { description: message`The most entries.` }),
    200_000,
  ),
  maxSize: withDefault(
    option("--max-size", size(), { description: message`The most bytes of all files together.` }),
    2 ** 40,
  ),
  maxRatio: withDefault(
    option("--max-ratio", whole("N", 1), {
      description: message`How many times larger than the archive its content may be.`,
    }),
    200,
  ),
});
