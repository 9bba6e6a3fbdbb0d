/**
 * Bodies of type `text/uri-list` (RFC 2483): an input URI and an output URI. The server fetches the input and uses it as the
 * body, and posts the answer to the output.
 *
 * This is off unless hosts are allowed: clients could make the server fetch internal addresses that they can't reach themselves (SSRF).
 * For the same reason, redirects are not followed.
 */

import { readBody } from "./body.ts";
import { HttpProblem } from "./problem.ts";
import { messageOf } from "../errors.ts";

/** Time limit for a whole fetch or post, in ms. */
const TRANSFER_LIMIT_MS = 60_000;

/** The two URIs of a body. */
export interface UriPair {
  readonly input: URL;
  readonly output: URL;
}

/** Whether a content type is `text/uri-list`, whatever its parameters. */
export function isUriList(contentType: string): boolean {
  return /^text\/uri-list\s*(;|$)/i.test(contentType);
}

/**
 * Parses a body; lines that begin with `#` are comments.
 *
 * @param allowed the names of hosts that may be reached, each with or without a port
 * @throws {HttpProblem} 400 if there are not two http or https URIs, 403 if one of them may not be reached
 */
export function parseUriList(body: Uint8Array, allowed: readonly string[]): UriPair {
  if (allowed.length === 0) {
    throw new HttpProblem(
      403,
      "Bodies of type text/uri-list are off; --allow-uri-list HOST,… names the hosts to allow",
    );
  }
  const lines = new TextDecoder().decode(body).split(/\r?\n/)
    .map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  const [input, output] = lines;
  if (input === undefined || output === undefined || lines.length !== 2) {
    throw new HttpProblem(
      400,
      `A text/uri-list body must hold an input URI and an output URI, not ${lines.length} URIs`,
    );
  }
  return { input: parse(input, allowed), output: parse(output, allowed) };
}

function parse(text: string, allowed: readonly string[]): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new HttpProblem(400, `'${text}' is not an http or https URI`);
  }
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const names = [url.hostname, `${url.hostname}:${port}`];
  if (!allowed.some((host) => names.includes(host.toLowerCase()))) {
    throw new HttpProblem(403, `The host '${url.host}' is not one that --allow-uri-list names`);
  }
  return url;
}

/**
 * Fetches the input that a `text/uri-list` body names.
 *
 * @param headers the headers of the request
 * @param hold called with a number of bytes before so much memory is allocated
 * @returns its bytes and content type
 * @throws {HttpProblem} 502 if the fetch fails, 413 if the input is too large; and whatever `hold` throws
 */
export async function fetchInput(
  url: URL,
  maxBytes: number,
  headers: Readonly<Record<string, string>>,
  hold?: (bytes: number) => void,
): Promise<{ body: Uint8Array<ArrayBuffer>; contentType: string }> {
  const response = await transfer(url, { method: "GET", headers }, "fetch the input");
  const contentType = response.headers.get("content-type") ?? "application/octet-stream";
  try {
    return { body: await readBody(response, maxBytes, hold), contentType };
  } catch (error) {
    if (!response.bodyUsed) await response.body?.cancel();
    if (!(error instanceof HttpProblem) || error.status !== 400) throw error;
    throw new HttpProblem(502, `Could not fetch the input at '${url}': ${error.message}`);
  }
}

/**
 * Posts the answer to the address that a `text/uri-list` body names.
 *
 * @param headers the headers of the request, `content-type` among them
 * @throws {HttpProblem} 502 if the post fails
 */
export async function postOutput(
  url: URL,
  body: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const init = { method: "POST", body, headers };
  const response = await transfer(url, init, "post the output");
  await response.body?.cancel();
}

async function transfer(url: URL, init: RequestInit, what: string): Promise<Response> {
  let response: Response;
  try {
    const signal = AbortSignal.timeout(TRANSFER_LIMIT_MS);
    response = await fetch(url, { ...init, redirect: "manual", signal });
  } catch (cause) {
    const reason = messageOf(cause);
    throw new HttpProblem(502, `Could not ${what} at '${url}': ${reason}`);
  }
  if (response.ok) return response;
  await response.body?.cancel();
  throw new HttpProblem(502, `Could not ${what} at '${url}': it answered ${response.status}`);
}
