/**
 * Keeps web pages from using a server that is for this machine alone.
 *
 * Any page can have its reader's browser send requests to an address of loopback. Two things tell them apart: a page that was made to
 * seem to come from here, by a DNS answer that changes (DNS rebinding), sends its own name as Host; and browsers say of a POST where
 * it comes from, in Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/) or Origin (RFC 6454).
 */

import type { Head } from "./h1/mod.ts";
import { HttpProblem } from "./problem.ts";

/** Methods that change nothing: a page can send them, and can't read the answer. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Characters of a name or an address, and a port: nothing that could be read in two ways. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{0,5})?$/i;

const LOOPBACK = /^(?:localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])$/;

/** Of a value that a message shows, in characters. */
const SHOWN = 100;

/** What `serve` is told about it. */
export interface BrowserOptions {
  /** The address or name that is listened on, which is allowed as Host. */
  readonly host: string;
  /** More names that are allowed as Host; `*` is all. */
  readonly allowHosts: readonly string[];
  /** Origins of pages that may use this server, such as `https://app.example.com`; `*` is all. */
  readonly cors: readonly string[];
}

const SERVED = Symbol("served");
/** Kept on the head, which a connection has once for all requests that say the same: whose rules let it be served. */
type KeptHead = Pick<Head, "method" | "host" | "fields"> & { [SERVED]?: Browsers };

/** Decides on requests by what their Host and their browser say. */
export class Browsers {
  /** Whether Hosts and origins are looked at. */
  enforced = false;
  readonly #hosts: ReadonlySet<string | undefined>;
  readonly #anyHost: boolean;
  readonly #origins: ReadonlySet<string>;
  /** The Host that was accepted last: nearly all requests have the same. */
  #last = "";

  constructor({ host, allowHosts, cors }: BrowserOptions) {
    this.#hosts = new Set([host.includes(":") ? `[${host}]` : host, ...allowHosts].map(canonical));
    this.#anyHost = allowHosts.includes("*");
    this.#origins = new Set(cors);
  }

  /** Whether pages of other origins may use the server. */
  get cors(): boolean {
    return this.#origins.size > 0;
  }

  /** Whether a page of this origin may use the server. */
  allowsOrigin(origin: string): boolean {
    return this.#origins.has(origin) || this.#origins.has("*");
  }

  /** What is answered to a request that is not served; undefined for one that is. */
  refusal(head: KeptHead): HttpProblem | undefined {
    if (!this.enforced || head[SERVED] === this) return undefined;
    if (!this.#accepts(head.host)) {
      return new HttpProblem(
        403,
        `This server listens for this machine alone, and does not answer to the Host '${shown(head.host)}': say ` +
          "'localhost', or have 'aimodellib serve' started with --allow-host",
      );
    }
    const page = SAFE.has(head.method) ? undefined : this.#foreignPage(head);
    if (page === undefined) {
      head[SERVED] = this;
      return undefined;
    }
    return new HttpProblem(
      403,
      `This server listens for this machine alone, and a web page of another origin (${shown(page)}) can't use it, ` +
        "unless 'aimodellib serve' is started with --cors and its origin",
    );
  }

  #accepts(host: string): boolean {
    // Browsers always say it.
    if (this.#anyHost || host === "" || host === this.#last) return true;
    const name = canonical(host);
    if (name === undefined || !(LOOPBACK.test(name) || this.#hosts.has(name))) return false;
    this.#last = host;
    return true;
  }

  /** What is said of a page that is not from here; undefined if there is none. */
  #foreignPage({ host, fields }: Pick<Head, "host" | "fields">): string | undefined {
    let site: string | undefined;
    let origin: string | undefined;
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] === "sec-fetch-site") site = fields[i + 1]!.toLowerCase();
      else if (fields[i] === "origin") origin = fields[i + 1]!.toLowerCase();
    }
    if (origin !== undefined && this.allowsOrigin(origin)) return undefined;
    if (site !== undefined) return site === "same-origin" || site === "none" ? undefined : origin ?? site;
    if (origin === undefined || isOriginOf(origin, host)) return undefined;
    return origin;
  }
}

/** Whether an address, or a Host, is one of loopback, with a port or without. */
export function isLoopback(host: string): boolean {
  const name = canonical(host);
  return name !== undefined && LOOPBACK.test(name);
}

/** One text for one host, without its port; undefined if it is none. */
function canonical(host: string): string | undefined {
  if (!HOST.test(host)) return undefined;
  return URL.parse(`http://${host}`)?.hostname.replace(/\.$/, "");
}

function isOriginOf(origin: string, host: string): boolean {
  const url = /^https?:\/\/[^/?#@]+$/.test(origin) ? URL.parse(origin) : null;
  // The scheme is not known here: a proxy may have taken TLS off.
  return url !== null && url.host === URL.parse(`${url.protocol}//${host}`)?.host;
}

function shown(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
