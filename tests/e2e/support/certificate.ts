/** Certificates for tests. */

import { type Need, runs } from "./needs.ts";
import type { Sandbox } from "./sandbox.ts";
import { tool } from "./tool.ts";

export const HAS_OPENSSL: Need = runs("openssl", "version") || "openssl is not installed";

/** Creates `cert.pem` and `key.pem` in the sandbox: a certificate for localhost, and its key. */
export function certificate(box: Sandbox, name: string): void {
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  // deno-fmt-ignore
  tool("openssl", [...args, "-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
    "-addext", "basicConstraints=critical,CA:FALSE",
    "-keyout", box.path("key.pem"), "-out", box.path("cert.pem")]);
}

/** The options of `serve` that use this certificate. */
export const tlsOptions = (box: Sandbox) => ["--tls-cert", box.path("cert.pem"), "--tls-key", box.path("key.pem")];
