/** Who may connect to `serve`, and how: what its options name, read and checked. */

import { getLogger } from "@logtape/logtape";
import { reasonOf, UsageError } from "../../errors.ts";
import { Tokens } from "../../http/mod.ts";
import type { Io } from "../terminal/io.ts";
import { openToOthers } from "./open_files.ts";
import { holdersOf } from "../terminal/secrets.ts";

const log = getLogger(["aimodellib", "serve"]);

const VARIABLE = "AIMODELLIB_TOKEN";

/** What the command line says of it. */
export interface ListenChoice {
  readonly tokenFile?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly unix?: string | undefined;
}

/**
 * Returns the paths of the certificate and its key if the connections are to be encrypted.
 *
 * @throws {UsageError} if one of them is missing, or is of no use
 */
export function tlsOf({ tlsCert: cert, tlsKey: key, unix }: ListenChoice): { cert: string; key: string } | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw new UsageError("--tls-cert and --tls-key need each other");
  if (unix !== undefined) throw new UsageError("--tls-cert is of no use with --unix: leave one out");
  return { cert, key };
}

/**
 * Names of hosts and origins of web pages, in the one way that requests are compared with.
 *
 * @throws {UsageError} if one can't be meant
 */
export function browserRules(
  { allowHosts, cors }: { readonly allowHosts: readonly string[]; readonly cors: readonly string[] },
): { readonly allowHosts: readonly string[]; readonly cors: readonly string[] } {
  const host = allowHosts.find((name) => !/^(?:\*|[\w.-]+|\[[\da-f:.]+\])$/i.test(name));
  if (host !== undefined) {
    throw new UsageError(
      `--allow-host takes names of hosts, such as 'models.example.com', without a port; not '${host}'`,
    );
  }
  return { allowHosts, cors: cors.map(originOf) };
}

function originOf(said: string): string {
  if (said === "*") return said;
  const found = /^([a-z][a-z\d+.-]*:\/\/[^/?#@\s*]+)\/?$/i.exec(said)?.[1];
  const url = found === undefined ? null : URL.parse(found);
  if (found === undefined || url === null) {
    throw new UsageError(`--cors takes origins of web pages, such as 'https://app.example.com', or '*'; not '${said}'`);
  }
  // An origin does not say the port that its scheme has anyway.
  return url.origin === "null" ? found.toLowerCase() : url.origin;
}

/**
 * Tokens of the file or the variable, and how they are read again.
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

/** Logs where other users, or scripts, can read tokens and keys. */
export function warnOfOpenSecrets({ tokenFile, tlsKey }: ListenChoice, io: Io): void {
  if (tlsKey !== undefined) warnOfOpenFile(tlsKey, "key");
  if (tokenFile !== undefined) return warnOfOpenFile(tokenFile, "token file");
  const value = io.secret(VARIABLE);
  if (value === undefined) return;
  const holders = holdersOf(VARIABLE, value).map(({ pid, name }) => `${pid} (${name})`);
  if (holders.length === 0) return;
  log.warn(
    "Scripts can read {variable} in the environment of process {processes}: start that without it, or have 'exec' start this " +
      "in its place",
    { variable: VARIABLE, processes: holders.join(", ") },
  );
}

function warnOfOpenFile(path: string, what: string): void {
  const rights = openToOthers(path);
  if (rights === undefined) return;
  log.warn("The {what} '{path}' can be {rights} by all users of this machine: take that away with 'chmod o= {path}'", {
    what,
    path,
    rights,
  });
}

function readTokens(path: string): Tokens {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    throw new UsageError(`The token file '${path}' can't be read: ${reasonOf(cause)}`, { cause });
  }
  return Tokens.parse(text, `'${path}'`);
}
