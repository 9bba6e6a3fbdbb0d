/**
 * Keeps web pages from using a server that listens on loopback only.
 *
 * Any page can make its visitor's browser send requests to a loopback address. Two things reveal them: after DNS rebinding, which makes
 * a foreign page look local, the browser sends the page's own name as Host; and for a POST, browsers state the page's origin in
 * Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/) or Origin (RFC 6454).
 */

import type { Head } from "./h1/mod.ts";
import { HttpProblem } from "./problem.ts";

/** Safe methods, which change nothing: a foreign page can send them, but can't read the answer. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** A name or an address with an optional port, in characters that all parsers read the same way. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{0,5})?$/i;

const LOOPBACK = /^(?:localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])$/;

/** Headers that proxies add: RFC 7239, RFC 9110, and what was used before them. */
const FORWARDED = /^(?:forwarded|via|x-forwarded-.+|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/;

/** The longest part of a value that an error message repeats, in characters. */
const SHOWN = 100;

/** Options of `serve` about web pages. */
export interface BrowserOptions {
  /** The address or name on which the server listens; it is an allowed Host. */
  readonly host: string;
  /** More allowed values of Host; `*` allows all. */
  readonly allowHosts: readonly string[];
  /** Origins of pages that may use the server, such as `https://app.example.com`; `*` allows all. */
  readonly cors: readonly string[];
}

const SERVED = Symbol("served");
/** A head that caches which rules have accepted it: a connection shares one Head object among equal requests. */
type KeptHead = Pick<Head, "method" | "host" | "fields"> & { [SERVED]?: Browsers };

/** Accepts or refuses requests by their Host and by the origin that the browser states. */
export class Browsers {
  /** Whether Host and origin are checked. */
  enforced = false;
  /** Whether the server listens on a loopback address only. */
  loopback = false;
  readonly #hosts: ReadonlySet<string | undefined>;
  readonly #anyHost: boolean;
  readonly #origins: ReadonlySet<string>;
  /** The last accepted Host, as a cache: nearly all requests have the same. */
  #last = "";

  constructor({ host, allowHosts, cors }: BrowserOptions) {
    this.#hosts = new Set([host.includes(":") ? `[${host}]` : host, ...allowHosts].map(canonical));
    this.#anyHost = allowHosts.includes("*");
    this.#origins = new Set(cors);
  }

  /** Whether pages of any other origin may use the server. */
  get cors(): boolean {
    return this.#origins.size > 0;
  }

  /** Whether a page of this origin may use the server. */
  allowsOrigin(origin: string): boolean {
    return this.#origins.has(origin) || this.#origins.has("*");
  }

  /**
   * Whether a request comes from this machine, and from no web page but the server's own. It may then see and do what needs a token
   * elsewhere. A request that a proxy passes on may come from anywhere: one with another Host, or with a header that says so, does not count.
   */
  isLocal(head: Pick<Head, "host" | "fields">): boolean {
    if (!this.loopback || (head.host !== "" && !isLoopback(head.host))) return false;
    return !head.fields.some((name, i) => i % 2 === 0 && FORWARDED.test(name)) &&
      foreignPage(head, () => false) === undefined;
  }

  /** The answer to a refused request; undefined if the request is accepted. */
  refusal(head: KeptHead): HttpProblem | undefined {
    if (!this.enforced || head[SERVED] === this) return undefined;
    if (!this.#accepts(head.host)) {
      return new HttpProblem(
        403,
        `This server accepts connections from this machine only, and refuses the Host '${shown(head.host)}': use ` +
          "'localhost', or start 'aimodellib serve' with --allow-host",
      );
    }
    const page = SAFE.has(head.method) ? undefined : this.#foreignPage(head);
    if (page === undefined) {
      head[SERVED] = this;
      return undefined;
    }
    return new HttpProblem(
      403,
      `This server accepts connections from this machine only, and refuses a web page of another origin (${
        shown(page)
      }): ` +
        "start 'aimodellib serve' with --cors and that origin to allow it",
    );
  }

  #accepts(host: string): boolean {
    // Browsers always send Host, so an empty one is not from a browser.
    if (this.#anyHost || host === "" || host === this.#last) return true;
    const name = canonical(host);
    if (name === undefined || !(LOOPBACK.test(name) || this.#hosts.has(name))) return false;
    this.#last = host;
    return true;
  }

  /** Describes the foreign page that sent the request; undefined if it was no foreign page, or one that may use the server. */
  #foreignPage(head: Pick<Head, "host" | "fields">): string | undefined {
    return foreignPage(head, (origin) => this.allowsOrigin(origin));
  }
}

/** Describes the foreign page that sent a request; undefined if it was no foreign page, or one of an allowed origin. */
function foreignPage(
  { host, fields }: Pick<Head, "host" | "fields">,
  isAllowed: (origin: string) => boolean,
): string | undefined {
  let site: string | undefined;
  let origin: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === "sec-fetch-site") site = fields[i + 1]!.toLowerCase();
    else if (fields[i] === "origin") origin = fields[i + 1]!.toLowerCase();
  }
  if (origin !== undefined && isAllowed(origin)) return undefined;
  if (site !== undefined) return site === "same-origin" || site === "none" ? undefined : origin ?? site;
  if (origin === undefined || isOriginOf(origin, host)) return undefined;
  return origin;
}

/** Whether an address or a Host, with or without a port, is a loopback address. */
export function isLoopback(host: string): boolean {
  const name = canonical(host);
  return name !== undefined && LOOPBACK.test(name);
}

/** The canonical text of a host, without its port; undefined if it is invalid. */
function canonical(host: string): string | undefined {
  if (!HOST.test(host)) return undefined;
  return URL.parse(`http://${host}`)?.hostname.replace(/\.$/, "");
}

function isOriginOf(origin: string, host: string): boolean {
  const url = /^https?:\/\/[^/?#@]+$/.test(origin) ? URL.parse(origin) : null;
  // The scheme is unknown here: a proxy may have terminated TLS.
  return url !== null && url.host === URL.parse(`${url.protocol}//${host}`)?.host;
}

function shown(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
