/** Reads and checks the options that decide who may connect to `serve`, and how. */

import { getLogger } from "@logtape/logtape";
import { UsageError } from "../../errors.ts";
import { readText } from "../../files.ts";
import { Tokens } from "../../http/tokens.ts";
import type { Io } from "../terminal/io.ts";
import { openToOthers } from "./open_files.ts";
import { holdersOf } from "../terminal/secrets.ts";

const log = getLogger(["aimodellib", "serve"]);

const VARIABLE = "AIMODELLIB_TOKEN";

/** The options about connections. */
export interface ListenChoice {
  readonly tokenFile?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly unix?: string | undefined;
}

/**
 * The paths of the certificate and its key; undefined for unencrypted connections.
 *
 * @throws {UsageError} if only one of them is given, or TLS can't be used
 */
export function tlsOf({ tlsCert: cert, tlsKey: key, unix }: ListenChoice): { cert: string; key: string } | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw new UsageError("--tls-cert and --tls-key must be given together");
  if (unix !== undefined) throw new UsageError("--tls-cert can't be combined with --unix");
  return { cert, key };
}

/**
 * The allowed hosts and origins, normalized for comparison with requests.
 *
 * @throws {UsageError} if one is not valid
 */
export function browserRules(
  { allowHosts, cors }: { readonly allowHosts: readonly string[]; readonly cors: readonly string[] },
): { readonly allowHosts: readonly string[]; readonly cors: readonly string[] } {
  const host = allowHosts.find((name) => !/^(?:\*|[\w.-]+|\[[\da-f:.]+\])$/i.test(name));
  if (host !== undefined) {
    throw new UsageError(
      `--allow-host takes host names without a port, such as 'models.example.com', not '${host}'`,
    );
  }
  return { allowHosts, cors: cors.map(originOf) };
}

function originOf(said: string): string {
  if (said === "*") return said;
  const found = /^([a-z][a-z\d+.-]*:\/\/[^/?#@\s*]+)\/?$/i.exec(said)?.[1];
  const url = found === undefined ? null : URL.parse(found);
  if (found === undefined || url === null) {
    throw new UsageError(`--cors takes origins, such as 'https://app.example.com', or '*', not '${said}'`);
  }
  // An origin omits the default port of its scheme.
  return url.origin === "null" ? found.toLowerCase() : url.origin;
}

/**
 * The tokens of the file or the variable, with a function that reads them again.
 *
 * @throws {UsageError} if they can't be read
 */
export function tokensOf(
  { tokenFile }: ListenChoice,
  io: Io,
): { tokens: Tokens; renewTokens?: () => void } | undefined {
  if (tokenFile !== undefined) {
    const tokens = readTokens(tokenFile);
    return {
      tokens,
      renewTokens: () => {
        warnOfOpenFile(tokenFile, "token file");
        tokens.replace(readTokens(tokenFile));
      },
    };
  }
  const variable = io.secret(VARIABLE);
  return variable === undefined ? undefined : { tokens: Tokens.parse(variable, VARIABLE) };
}

/** Logs a warning for each place where other users, or scripts, can read tokens and keys. */
export function warnOfOpenSecrets({ tokenFile, tlsKey }: ListenChoice, io: Io): void {
  if (tlsKey !== undefined) warnOfOpenFile(tlsKey, "key");
  if (tokenFile !== undefined) return warnOfOpenFile(tokenFile, "token file");
  const value = io.secret(VARIABLE);
  if (value === undefined) return;
  const holders = holdersOf(VARIABLE, value).map(({ pid, name }) => `${pid} (${name})`);
  if (holders.length === 0) return;
  log.warn(
    "Scripts can read {variable} in the environment of process {processes}: start that process without it, or let it start " +
      "aimodellib with 'exec'",
    { variable: VARIABLE, processes: holders.join(", ") },
  );
}

function warnOfOpenFile(path: string, what: string): void {
  const rights = openToOthers(path);
  if (rights === undefined) return;
  log.warn("The {what} '{path}' can be {rights} by all users of this machine: restrict access with 'chmod o= {path}'", {
    what,
    path,
    rights,
  });
}

function readTokens(path: string): Tokens {
  return Tokens.parse(readText(path, "token file"), `'${path}'`);
}
