/** A running `aimodellib serve`. */

import assert from "node:assert/strict";
import { LONG, within } from "./limits.ts";
import type { Program } from "./program.ts";

/** How a server is started. */
export interface ServeOptions {
  /** Arguments before the module. @default ["--port", "0"] */
  readonly args?: readonly string[];
  /** Arguments after the model directory. */
  readonly more?: readonly string[];
  /** @default true */
  readonly waitForReady?: boolean;
}

/** An answer of the server. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The bytes as text. */
  readonly text: string;
}

/** Problem details (RFC 9457), as the server writes them. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly [member: string]: unknown;
}

/** A running server. */
export class Server {
  private constructor(readonly program: Program, readonly url: string) {}

  /** Waits until a server logs its URL. */
  static async attach(program: Program, waitForReady: boolean): Promise<Server> {
    const [, url] = await program.stderr.waitFor(/Listening on (http:\/\/\S+);/);
    if (waitForReady) await program.stderr.waitFor(/Ready: POST /);
    return new Server(program, url!);
  }

  /** Waits until each of several models is ready. */
  static async untilReady(program: Program, ...models: readonly string[]): Promise<void> {
    for (const model of models) await program.stderr.waitFor(new RegExp(`Ready: POST .*/models/${model}/`));
  }

  /** Creates the object for a server with a known address. */
  static at(program: Program, url: string): Server {
    return new Server(program, url);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** The log up to now. */
  get log(): string {
    return this.program.stderr.text;
  }

  /** The output of the script up to now, without the tags of lines. */
  get printed(): string[] {
    const tag = /^\[worker 1(, request [^\]]+)?\] /;
    return this.program.stderr.lines.filter((line) => tag.test(line)).map((line) => line.replace(tag, ""));
  }

  /** The process id of the worker that was started last. */
  get workerPid(): number {
    return Number([...this.log.matchAll(/Worker 1 is ready \(process (\d+)\)/g)].at(-1)![1]);
  }

  /** How often a worker became ready. */
  get workersReady(): number {
    return [...this.log.matchAll(/Worker 1 is ready/g)].length;
  }

  /** Sends a request. */
  async request(path: string, init: RequestInit = {}): Promise<Answer> {
    const ask = async () => {
      const response = await fetch(`${this.url}${path}`, { redirect: "manual", ...init });
      const bytes = await response.bytes();
      return {
        status: response.status,
        headers: response.headers,
        bytes,
        get text() {
          return new TextDecoder().decode(bytes);
        },
      };
    };
    return await within(LONG, `${init.method ?? "GET"} ${path} is answered`, ask(), () => this.log.slice(-4000));
  }

  /** Sends a request to the model. */
  async invoke(body: BodyInit | null, headers: HeadersInit = {}): Promise<Answer> {
    return await this.request("/invocations", { method: "POST", body, headers });
  }

  /** Stops the server as a service manager does, and checks that it exits with 0. */
  async stop(): Promise<void> {
    this.program.kill("SIGTERM");
    const { code, stderr } = await this.program.finished();
    assert.equal(code, 0, stderr.slice(-4000));
  }
}

/** Returns the problem in an answer, after a check of its common members. */
export function problemOf(answer: Answer): Problem {
  assert.equal(answer.headers.get("content-type"), "application/problem+json", answer.text);
  const problem: Problem = JSON.parse(answer.text);
  assert.equal(problem.status, answer.status);
  assert.equal(problem.type, "about:blank");
  assert.ok(problem.title.length > 0 && problem.detail.length > 0, answer.text);
  assert.doesNotMatch(answer.text, /Traceback|\.py|\.ts:|line \d+/, "no stack trace reaches a client");
  return problem;
}
