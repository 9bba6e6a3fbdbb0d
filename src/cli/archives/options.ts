/** What the commands that read an archive have in common. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { size } from "../options/values.ts";

/** The key that signs. */
export const secretKey = withDefault(
  option("--secret-key", "-s", string({ metavar: "FILE" }), {
    description: message`The secret key; keep it to yourself.`,
  }),
  "aimodellib.key",
);

/** The option that names a file with the secret key's password. */
export const passwordFile = optional(
  option("--password-file", string({ metavar: "FILE" }), {
    description: message`A file with the key's password, instead of ${"AIMODELLIB_KEY_PASSWORD"} or a question.`,
  }),
);

/** Who must have signed. */
export const trustFields = {
  key: optional(
    option("--key", "-k", string({ metavar: "KEY" }), {
      description:
        message`Demand a signature, in the format of ${"minisign"}, by this public key: its file, or its text.`,
    }),
  ),
  signature: optional(
    option("--signature", "-x", string({ metavar: "FILE" }), {
      description: message`Where that signature is. [the archive's path and ${".minisig"}]`,
    }),
  ),
};

/** The same as a group. */
export const trust = object("Trust", trustFields);

/** How much an archive may be. */
export const limitFields = {
  maxEntries: withDefault(
    option("--max-entries", integer({ min: 1, metavar: "N" }), { description: message`The most entries.` }),
    200_000,
  ),
  maxSize: withDefault(
    option("--max-size", size(), { description: message`The most bytes of all files together.` }),
    2 ** 40,
  ),
  maxRatio: withDefault(
    option("--max-ratio", integer({ min: 1, metavar: "N" }), {
      description: message`How many times larger than the archive its content may be.`,
    }),
    200,
  ),
};

/** The same as a group. */
export const limits = object("Limits", limitFields);
