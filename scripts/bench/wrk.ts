/** Load on a server by wrk: as many requests as a number of connections can take, each sent when the one before was answered. */

import { runOrThrow } from "../build/process.ts";
import { ROOT } from "../project.ts";

/** What is sent, again and again. */
export interface Post {
  readonly url: string;
  readonly contentType: string;
  /** The file that has the body. */
  readonly body: string;
  /** What `Authorization: Bearer` says, if it is sent. */
  readonly token?: string;
}

/** What came of it. */
export interface Load {
  /** How many were answered. */
  readonly requests: number;
  /** Requests a second. */
  readonly rate: number;
  /** The median of the times to answer, in ms. */
  readonly p50: number;
  /** 99 of 100 were answered in this time, in ms. */
  readonly p99: number;
  /** Answers other than 2xx and 3xx, and connections that failed. */
  readonly errors: number;
}

/**
 * Sends requests for a while.
 *
 * @throws {Error} if wrk can't be run, or not to its end
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
