/** Parses arguments of the command line that name a server. */

import { UsageError } from "../errors.ts";

/** Whether a word names a server: `http://…`, `https://…`, or `unix:PATH`. */
export function isUrl(word: string): boolean {
  return /^(https?:\/\/|unix:)/i.test(word);
}

/** Where requests are sent. */
export interface Endpoint {
  /** `http:` or `https:`, with the whole path. */
  readonly url: string;
  /** The path of the Unix socket to connect to, in place of the URL's host. */
  readonly socket?: string;
}

/**
 * Finds the address to which requests are sent: if the path of the URL ends with `/`, `invocations` below it.
 *
 * @param model the name of the model, if the server has several
 * @throws {UsageError} if the word is not the URL of a server
 */
export function endpointOf(word: string, model?: string | undefined): Endpoint {
  const socket = /^unix:(.+)$/i.exec(word)?.[1]?.replace(/^\/\/(?=\/)/, "");
  const url = socket === undefined ? URL.parse(word) : new URL("http://localhost/");
  if (url === null || url.hostname === "" || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`'${word}' is not the URL of a server, such as http://127.0.0.1:8080/`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new UsageError(
      "A URL with a user name or a password can't be used: put a token into a file for --token-file",
    );
  }
  url.hash = "";
  const base = url.pathname.endsWith("/");
  if (model !== undefined) url.pathname += `${base ? "" : "/"}models/${encodeURIComponent(model)}/invocations`;
  else if (base) url.pathname += "invocations";
  return { url: url.href, ...(socket !== undefined && { socket }) };
}
