/** An S3 for tests: moto, behind a proxy that can disturb answers and tells who asked. */

import { TOOLS } from "./sandbox.ts";
import { TOOL_ENV } from "./tool.ts";

/** The Python that has moto and boto3. */
export const S3_PYTHON = `${TOOLS}/python`;

/** A request for an object, or a listing. */
export interface S3Request {
  readonly method: string;
  readonly path: string;
  /** The id of the access key that signed it. */
  readonly keyId: string | undefined;
  readonly sessionToken: string | undefined;
  readonly range: string | undefined;
  readonly region: string | undefined;
}

/** The objects of a bucket by their keys: texts or bytes, or numbers of bytes, which are uploaded in parts. */
export type Objects = Readonly<Record<string, string | number | Uint8Array>>;

/**
 * Starts moto with the bucket `bucket`, whose objects tests don't change, so all tests of a file share it: it takes two seconds of processor
 * time to start. It ends with this process.
 *
 * @returns its URL
 */
export async function startMoto(objects: Objects): Promise<string> {
  const script = new URL("s3.py", import.meta.url).pathname;
  const streams = { stdin: "piped", stdout: "piped", stderr: "null" } as const;
  const program = new Deno.Command(S3_PYTHON, { args: [script], clearEnv: true, env: { ...TOOL_ENV }, ...streams })
    .spawn();
  const stdin = program.stdin.getWriter();
  const line = JSON.stringify(
    objects,
    (_key, value) => value instanceof Uint8Array ? { base64: value.toBase64() } : value,
  );
  await stdin.write(new TextEncoder().encode(`${line}\n`));
  let text = "";
  for await (const chunk of program.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const [, url] = /^(http:\S+)\n/m.exec(text) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`moto ended before it printed its port: ${text}`);
}

/** An S3 of one test, with the objects of a moto. */
export class S3 implements AsyncDisposable {
  readonly requests: S3Request[] = [];
  /** The number of objects on a page of a listing. */
  pageSize = 1000;
  /** Returns another answer than the regular one. `count` says how many requests this path has had. */
  interfere: (request: S3Request, count: number, answer: () => Promise<Response>) => Promise<Response> | Response = (
    _request,
    _count,
    answer,
  ) => answer();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** @param upstream the URL of the moto */
  constructor(upstream: string) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const { pathname, search } = new URL(request.url);
      const credential = /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(request.headers.get("authorization") ?? "");
      const about = {
        method: request.method,
        path: pathname,
        keyId: credential?.[1],
        region: credential?.[2],
        sessionToken: request.headers.get("x-amz-security-token") ?? undefined,
        range: request.headers.get("range") ?? undefined,
      };
      this.requests.push(about);
      const count = this.requests.filter(({ path }) => path === pathname).length;
      const { method, headers } = request;
      const body = method === "GET" ? null : await request.bytes();
      const query = search.includes("list-type=2") ? `${search}&max-keys=${this.pageSize}` : search;
      return await this.interfere(
        about,
        count,
        () => fetch(`${upstream}${pathname}${query}`, { method, headers, body }),
      );
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The objects that were asked for, each with the byte where the answer was to begin. */
  get fetched(): string[] {
    return this.requests.filter(({ path }) => path.length > "/bucket/".length)
      .map(({ path, range }) => `${path} ${/\d+/.exec(range ?? "0")![0]}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
