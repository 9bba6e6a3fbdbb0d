/** The bearer tokens (RFC 6750) that the server accepts, read from a token file (`src/token_lines.ts`). */

import { createHash } from "node:crypto";
import { UsageError } from "../errors.ts";
import { tokenLines } from "../token_lines.ts";

/** The scope of a token: `GET /metrics` only, everything except `/admin/`, or everything. */
export type Scope = "metrics" | "all" | "admin";

const SCOPES: readonly string[] = ["metrics", "all", "admin"] satisfies Scope[];

/** The result of checking a request's token. `metrics_only` and `not_admin`: the token is known, and its scope does not include the path. */
export type Verdict = "good" | "missing" | "wrong" | "metrics_only" | "not_admin";

/** Paths that need the scope `admin` begin with this. */
const ADMIN = "/admin/";

interface Token {
  /** The token, padded with zeros to {@linkcode PADDED} bytes; for a longer token, a NUL byte and its SHA-256 digest. */
  readonly padded: Uint8Array;
  readonly scope: Scope;
}

/** Each token is compared as this many bytes, whatever its length. */
const PADDED = 256;

/** The shortest token that is accepted, in characters: shorter ones could be guessed. */
const MIN_LENGTH = 16;

/** The set of accepted tokens. */
export class Tokens {
  #tokens: readonly Token[];
  /** The token of the current request. */
  readonly #given = new Uint8Array(PADDED);

  private constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /**
   * Reads the lines of a file.
   *
   * @param source the file's name in error messages
   * @throws {UsageError} if there is no token, or one is invalid; the message does not show any token
   */
  static parse(text: string, source: string): Tokens {
    const tokens: Token[] = [];
    for (const { token, scope, rest, line } of tokenLines(text)) {
      const where = `${source}, line ${line}`;
      if (rest.length > 0 || !isScope(scope)) {
        throw new UsageError(`${where}: only 'all', 'metrics' or 'admin' may follow a token`);
      }
      if (token.length < MIN_LENGTH || !/^[\w.~+/=-]+$/.test(token)) {
        throw new UsageError(`${where}: a token has at least ${MIN_LENGTH} characters, of A-Z a-z 0-9 - . _ ~ + / =`);
      }
      tokens.push({ padded: padded(token, new Uint8Array(PADDED)), scope });
    }
    if (tokens.length === 0) throw new UsageError(`${source} contains no token`);
    return new Tokens(tokens);
  }

  /** Replaces these tokens with others. */
  replace(others: Tokens): void {
    this.#tokens = others.#tokens;
  }

  /** An object that stands for the accepted tokens: another one after {@linkcode replace}. */
  get current(): object {
    return this.#tokens;
  }

  /**
   * Checks the token of a request. It compares all tokens, in constant time.
   *
   * @param authorization the value of the header Authorization; null if it is absent
   * @param path the requested path
   */
  check(authorization: string | null, path: string): Verdict {
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
    if (given === undefined) return "missing";
    padded(given, this.#given);
    let scope: Scope | undefined;
    for (const token of this.#tokens) if (areEqual(token.padded, this.#given)) scope = token.scope;
    if (scope === undefined) return "wrong";
    switch (scope) {
      case "metrics":
        return path === "/metrics" ? "good" : "metrics_only";
      case "all":
        return path.startsWith(ADMIN) ? "not_admin" : "good";
      case "admin":
        return "good";
    }
  }
}

function isScope(scope: string): scope is Scope {
  return SCOPES.includes(scope);
}

/** Writes a token, or the digest of a longer one, into `bytes`. To hash every token would take longer than the rest of the work for a request. */
function padded(token: string, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  bytes.fill(0);
  if (encoder.encodeInto(token, bytes).read === token.length) return bytes;
  bytes.fill(0);
  // No token begins with a NUL byte.
  bytes.set(createHash("sha256").update(token).digest(), 1);
  return bytes;
}

const encoder = new TextEncoder();

/** Compares all bytes, even after a difference: the time it takes does not reveal where two tokens differ. */
function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < PADDED; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
