/** Requests to the server. All URLs are relative to the page, and all requests carry the token, if there is one. */

import type { Served } from "../served.ts";
import { unsendable } from "./header_text.ts";
import { Store } from "./store.ts";

/** The token that the visitor has typed. It is in memory only: a reload of the page forgets it. */
export const token: Store<string | undefined> = new Store<string | undefined>(undefined);

/** What a request has beside its path. */
export interface PageRequest extends RequestInit {
  readonly headers?: Readonly<Record<string, string>>;
}

/** The server requires a token, or has refused the one it got. */
export class Unauthorized extends Error {
  /** @param missing whether no token was sent */
  constructor(message: string, readonly missing: boolean) {
    super(message);
  }
}

/**
 * Sends a request, with the token if there is one, and with what a proxy in front of the server knows its visitors by: a cookie, or a password.
 *
 * @throws {Error} if a header can't have its value
 * @throws {TypeError} if the server can't be reached
 */
export async function request(path: string, init: PageRequest = {}): Promise<Response> {
  const headers = { ...init.headers };
  for (const [name, value] of Object.entries(headers)) {
    const character = unsendable(value);
    if (character !== undefined) throw new Error(`The header '${name}' can't have the character '${character}'`);
  }
  if (token.value !== undefined) headers["authorization"] = `Bearer ${token.value}`;
  return await fetch(path, { ...init, headers, referrerPolicy: "no-referrer" });
}

/**
 * Asks the server for JSON.
 *
 * @throws {Unauthorized} if the server requires another token
 * @throws {Error} with the server's message, if the status is not 200
 */
export async function requestJson<T>(path: string, init?: PageRequest): Promise<T> {
  return await (await requestGood(path, init)).json();
}

/** Sends a request whose answer must have a status of success. @throws as {@linkcode requestJson} */
export async function requestGood(path: string, init?: PageRequest): Promise<Response> {
  const sent = token.value;
  const response = await request(path, init);
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const message: string = problem.detail ?? `The server answered ${response.status} to '${path}'`;
  if (response.status === 401 || response.status === 403) throw new Unauthorized(message, sent === undefined);
  throw new Error(message);
}

/** Asks what is served. @throws as {@linkcode requestJson} */
export function fetchServed(): Promise<Served> {
  return requestJson("console/models");
}

/** Returns the URL of a sample of a model. */
export function sampleUrl(model: string, name: string): string {
  return `console/sample?${new URLSearchParams({ model, name })}`;
}

/** Returns the URL of the schema of a model. */
export function schemaUrl(model: string): string {
  return `console/schema?${new URLSearchParams({ model })}`;
}
