/** Loads a server with wrk: each connection sends its next request when the previous one was answered. */

import { runOrThrow } from "../build/process.ts";
import { ROOT } from "../project.ts";

/** The request to repeat. */
export interface Post {
  readonly url: string;
  readonly contentType: string;
  /** The path of the file with the body. */
  readonly body: string;
  /** The token to send as `Authorization: Bearer`. */
  readonly token?: string;
}

/** The result of a load. */
export interface Load {
  /** How many requests were answered. */
  readonly requests: number;
  /** Requests per second. */
  readonly rate: number;
  /** The median latency, in ms. */
  readonly p50: number;
  /** The 99th percentile of the latency, in ms. */
  readonly p99: number;
  /** Answers other than 2xx and 3xx, and connections that failed. */
  readonly errors: number;
}

/**
 * Sends requests for a while.
 *
 * @throws {Error} if wrk is missing or fails
 */
export async function load(post: Post, connections: number, seconds: number): Promise<Load> {
  // deno-fmt-ignore
  const printed = await runOrThrow("send requests (Debian and Ubuntu have wrk in the package wrk)", "wrk", [
    "-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "10s", "-s", `${ROOT}/scripts/bench/post.lua`, post.url,
  ], {
    env: {
      BENCH_BODY: post.body,
      BENCH_CONTENT_TYPE: post.contentType,
      ...(post.token !== undefined && { BENCH_TOKEN: post.token }),
    },
  });
  const figures = /^RESULT (.*)$/m.exec(printed)?.[1]?.split(" ").map(Number) ?? [];
  const [requests = NaN, micros = NaN, p50 = NaN, p99 = NaN, errors = NaN] = figures;
  return { requests, rate: requests / micros * 1e6, p50: p50 / 1e3, p99: p99 / 1e3, errors };
}
