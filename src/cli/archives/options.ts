/** The options that commands about archives share. */

import { file, publicKey, secretKeyFile } from "../options/paths.ts";
import { size, whole } from "../options/values.ts";
import { message } from "../options/message.ts";
import { grouped, option, unset, withDefault } from "../options/option.ts";

/** The option that names the secret key. */
export const secretKey = withDefault(
  option("--secret-key", "-s", secretKeyFile(), {
    description: message`The secret key; never share it.`,
  }),
  "aimodellib.key",
);

/** The option that names a file with the secret key's password. */
export const passwordFile = unset(
  option("--password-file", file(), {
    description: message`A file with the key's password.`,
    env: "AIMODELLIB_KEY_PASSWORD",
  }),
  message`ask at the terminal`,
);

/** The options that demand a signature. */
export const trustFields = grouped("Signature", {
  key: unset(
    option("--key", "-k", publicKey(), {
      description: message`Require a ${"minisign"} signature by this public key: a file, or the key's text.`,
    }),
    message`no signature required`,
  ),
  signature: unset(
    option("--signature", "-x", file("FILE", [".minisig"]), {
      description: message`The signature's file.`,
    }),
    message`the archive's path and ${".minisig"}`,
  ),
});

/** The options that limit an archive's content. */
export const limitFields = grouped("Archive limits", {
  maxEntries: withDefault(
    option("--max-entries", whole("N", 1), { description: message`The most entries of the archive.` }),
    200_000,
  ),
  maxSize: withDefault(
    option("--max-size", size(), { description: message`The largest total size of all files.` }),
    2 ** 40,
  ),
  maxRatio: withDefault(
    option("--max-ratio", whole("N", 1), {
      description: message`How many times larger than the archive its content may be.`,
    }),
    200,
  ),
});
