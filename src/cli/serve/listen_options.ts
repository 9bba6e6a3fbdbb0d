/** Options of `serve` that are about who may connect, and how. */

import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { list, seconds } from "../options/values.ts";

/** Tokens, certificates, Unix sockets, slow clients. */
export const listenFields = {
  readTimeoutMs: withDefault(
    option("--read-timeout", seconds(), {
      description: message`How long a client may take to send its request; a second more for each KiB of it.`,
    }),
    60_000,
  ),
  tokenFile: optional(
    option("--token-file", string({ metavar: "FILE" }), {
      description:
        message`Answer only who sends a token of this file, but for health checks. [${"AIMODELLIB_TOKEN"}, or everybody]`,
    }),
  ),
  allowHosts: withDefault(
    option("--allow-host", list("HOST,..."), {
      description:
        message`More names that requests may have as Host, without a port; ${"*"} for all. Where only this machine connects and there are no tokens, others than ${"localhost"} are refused.`,
    }),
    [],
  ),
  cors: withDefault(
    option("--cors", list("ORIGIN,..."), {
      description: message`Web pages that may send requests, such as ${"https://app.example.com"}; ${"*"} for all.`,
    }),
    [],
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
