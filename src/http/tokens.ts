/**
 * Bearer tokens (RFC 6750). A file has one a line, and behind it what it is for; `#` begins a comment:
 *
 *     8f2…c1             # for everything
 *     77a…09 metrics     # for GET /metrics alone
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { UsageError } from "../errors.ts";

/** What a token is for. */
export type Scope = "all" | "metrics";

/** What is said of a request's token. */
export type Verdict = "good" | "missing" | "wrong" | "not_for_this";

interface Token {
  readonly digest: Uint8Array;
  readonly scope: Scope;
}

/** Fewer could be guessed. */
const MIN_LENGTH = 16;

/** Tokens that are good. */
export class Tokens {
  #tokens: readonly Token[];

  private constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /**
   * Reads the lines of a file.
   *
   * @param source what messages call it
   * @throws {UsageError} if it has none, or one that can't be meant; the message shows none of them
   */
  static parse(text: string, source: string): Tokens {
    const tokens: Token[] = [];
    for (const [index, line] of text.split("\n").entries()) {
      const [token, scope = "all", ...rest] = line.replace(/(^|\s)#.*/, "").trim().split(/\s+/);
      if (!token) continue;
      const where = `${source}, line ${index + 1}`;
      if (rest.length > 0 || (scope !== "all" && scope !== "metrics")) {
        throw new UsageError(`${where}: behind a token there may be 'all' or 'metrics', and nothing else`);
      }
      if (token.length < MIN_LENGTH || !/^[\w.~+/=-]+$/.test(token)) {
        throw new UsageError(`${where}: a token has at least ${MIN_LENGTH} characters, of A-Z a-z 0-9 - . _ ~ + / =`);
      }
      tokens.push({ digest: digest(token), scope });
    }
    if (tokens.length === 0) throw new UsageError(`There is no token in ${source}`);
    return new Tokens(tokens);
  }

  /** Takes the place of these tokens by others. */
  replace(others: Tokens): void {
    this.#tokens = others.#tokens;
  }

  /**
   * Looks at a request's token. All tokens are compared, in a time that tells nothing about them.
   *
   * @param authorization the header of that name
   * @param path what is asked for
   */
  check(authorization: string | null, path: string): Verdict {
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
    if (given === undefined) return "missing";
    const hash = digest(given);
    let scope: Scope | undefined;
    for (const token of this.#tokens) if (timingSafeEqual(token.digest, hash)) scope = token.scope;
    if (scope === undefined) return "wrong";
    return scope === "all" || path === "/metrics" ? "good" : "not_for_this";
  }
}

/** Of one length, whatever that of the token is. */
function digest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
