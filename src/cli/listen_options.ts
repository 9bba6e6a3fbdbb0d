/** Options of `serve` that are about who may connect, and how. */

import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";

/** Tokens, certificates, Unix sockets. */
export const listenFields = {
  tokenFile: optional(
    option("--token-file", string({ metavar: "FILE" }), {
      description:
        message`Answer only who sends a token of this file, but for health checks. [${"AIMODELLIB_TOKEN"}, or everybody]`,
    }),
  ),
  tlsCert: optional(
    option("--tls-cert", string({ metavar: "FILE" }), {
      description: message`Encrypt connections with this certificate and those that vouch for it, in PEM.`,
    }),
  ),
  tlsKey: optional(
    option("--tls-key", string({ metavar: "FILE" }), { description: message`The certificate's key, in PEM.` }),
  ),
  unix: optional(
    option("--unix", string({ metavar: "PATH" }), {
      description: message`Listen on a Unix socket in place of an address.`,
    }),
  ),
};
