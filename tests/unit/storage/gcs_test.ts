import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { fetchFolder } from "../../../src/storage/mod.ts";
import { isStorageUri } from "../../../src/storage/uri.ts";
import { pattern, text, utf8 } from "../helper/bytes.ts";
import { fakeEnv } from "../helper/env.ts";
import { TempDir } from "../helper/temp_dir.ts";

const TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token";

/** Cloud Storage and the metadata server, with these objects in the bucket `bucket`. */
class Storage implements AsyncDisposable {
  readonly directory = new TempDir();
  /** The received requests, in order. */
  readonly asked: string[] = [];
  /** Responses that replace the regular ones. */
  interfere: (path: string, count: number) => Response | undefined = () => undefined;
  /** The `Range` of each request for content. */
  readonly ranges: (string | null)[] = [];
  /** Further members of the items of listings. */
  readonly about: Readonly<Record<string, unknown>> = {};
  md5 = (bytes: Uint8Array): string | undefined => createHash("md5").update(bytes).digest("base64");
  readonly #objects: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #counts = new Map<string, number>();

  constructor(objects: Readonly<Record<string, Uint8Array<ArrayBuffer>>>) {
    this.#objects = objects;
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      const { pathname, searchParams } = new URL(request.url);
      this.asked.push(pathname);
      const count = (this.#counts.get(pathname) ?? 0) + 1;
      this.#counts.set(pathname, count);
      return this.interfere(pathname, count) ?? this.#answer(pathname, searchParams, request.headers);
    });
  }

  #answer(path: string, query: URLSearchParams, headers: Headers): Response {
    if (path === TOKEN_PATH) {
      if (headers.get("metadata-flavor") !== "Google") return new Response("no flavor", { status: 403 });
      return Response.json({ access_token: "secret", expires_in: 3600, token_type: "Bearer" });
    }
    if (headers.get("authorization") !== "Bearer secret") return new Response("no token", { status: 401 });
    if (path === "/storage/v1/b/bucket/o") {
      // Two objects on each page.
      const names = Object.keys(this.#objects).filter((name) => name.startsWith(query.get("prefix")!)).sort();
      const start = Number(query.get("pageToken") ?? 0);
      const items = names.slice(start, start + 2).map((name) => {
        const bytes = this.#objects[name]!;
        return { name, size: String(bytes.length), md5Hash: this.md5(bytes), ...this.about };
      });
      return Response.json({
        ...(items.length > 0 && { items }),
        ...(start + 2 < names.length && { nextPageToken: String(start + 2) }),
      });
    }
    const bytes = this.#objects[decodeURIComponent(path.slice("/storage/v1/b/bucket/o/".length))];
    if (bytes === undefined || query.get("alt") !== "media") return new Response("nothing", { status: 404 });
    const range = headers.get("range");
    this.ranges.push(range);
    if (range === null) return new Response(bytes);
    return new Response(bytes.slice(Number(/\d+/.exec(range)![0])), { status: 206 });
  }

  /** Fetches a folder, and returns its content. */
  async fetch(uri: string, signal = new AbortController().signal): Promise<Record<string, string>> {
    const host = `127.0.0.1:${this.#server.addr.port}`;
    const env = fakeEnv({ STORAGE_EMULATOR_HOST: `http://${host}/`, GCE_METADATA_HOST: host });
    await fetchFolder(uri, this.directory.path, { env, signal, firstPauseMs: 1 });
    return this.files();
  }

  files(folder = ""): Record<string, string> {
    return Object.assign(
      {},
      ...[...Deno.readDirSync(this.directory.path + folder)].map(({ name, isDirectory }) => {
        const path = `${folder}/${name}`;
        return isDirectory ? this.files(path) : { [path]: text(Deno.readFileSync(this.directory.path + path)) };
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    this.directory[Symbol.dispose]();
  }
}

const OBJECTS = {
  "model/": utf8(""),
  "model/a.json": utf8("{}"),
  "model/deep/er/ü b+c.bin": pattern(300_000),
  "model/empty": utf8(""),
  "model2/other": utf8("not asked for"),
  "top": utf8("at the top"),
};

Deno.test("isStorageUri() distinguishes URIs of object stores from paths", () => {
  for (const uri of ["gs://bucket/a", "s3://bucket/a"]) assert.equal(isStorageUri(uri), true, uri);
  for (const path of ["/a", "a", "gs:/a", "s3:/a", "https://a/b"]) assert.equal(isStorageUri(path), false, path);
});

for (const uri of ["gs://bucket/model", "gs://bucket/model/", "gs://bucket/model//"]) {
  Deno.test(`fetchFolder() fetches the objects of '${uri}', page by page, with one token`, async () => {
    await using storage = new Storage(OBJECTS);
    assert.deepEqual(await storage.fetch(uri), {
      "/a.json": "{}",
      "/deep/er/ü b+c.bin": text(OBJECTS["model/deep/er/ü b+c.bin"]),
      "/empty": "",
    });
    assert.equal(storage.asked.filter((path) => path === "/storage/v1/b/bucket/o").length, 2);
    assert.equal(storage.asked.filter((path) => path === TOKEN_PATH).length, 1);
  });
}

Deno.test("fetchFolder() fetches a whole bucket when no folder is named", async () => {
  await using storage = new Storage({ a: utf8("1"), "b/c": utf8("2") });
  assert.deepEqual(await storage.fetch("gs://bucket"), { "/a": "1", "/b/c": "2" });
});

for (
  const [what, interfere] of [
    ["the server answers 503", (_: string, count: number) => count < 3 ? new Response("", { status: 503 }) : undefined],
    ["the server answers 429", (_: string, count: number) => count < 3 ? new Response("", { status: 429 }) : undefined],
    [
      "a file is cut off",
      (path: string, count: number) => path.endsWith(".json") && count < 3 ? new Response("{") : undefined,
    ],
    [
      "a file is another",
      (path: string, count: number) => path.endsWith(".json") && count < 3 ? new Response("[]") : undefined,
    ],
    ["a connection breaks", (path: string, count: number) => {
      if (!path.endsWith(".json") || count === 3) return undefined;
      return new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("broken")) }));
    }],
  ] as const
) {
  Deno.test(`fetchFolder() retries when ${what}`, async () => {
    await using storage = new Storage({ "model/a.json": utf8("{}") });
    storage.interfere = interfere;
    assert.deepEqual(await storage.fetch("gs://bucket/model"), { "/a.json": "{}" });
  });
}

Deno.test("fetchFolder() goes on where a download broke off", async () => {
  const content = pattern(300_000);
  await using storage = new Storage({ "model/w": content });
  storage.interfere = (path, count) =>
    path.endsWith("w") && count === 1 ? new Response(content.slice(0, 100_000)) : undefined;
  assert.deepEqual(await storage.fetch("gs://bucket/model"), { "/w": text(content) });
  assert.deepEqual(storage.ranges, ["bytes=100000-"]);
});

Deno.test("fetchFolder() starts again when the rest that arrives does not fit the beginning", async () => {
  await using storage = new Storage({ "model/w": utf8("right") });
  storage.interfere = (path, count) => path.endsWith("w") && count === 1 ? new Response("wr") : undefined;
  assert.deepEqual(await storage.fetch("gs://bucket/model"), { "/w": "right" });
  assert.deepEqual(storage.ranges, ["bytes=2-", null]);
});

Deno.test("fetchFolder() writes an object that is stored compressed as it was before", async () => {
  await using storage = new Storage({ "model/a.json": new Uint8Array(gzipSync("{}")) });
  Object.assign(storage.about, { contentEncoding: "gzip" });
  storage.interfere = (path, count) => {
    if (!path.endsWith(".json")) return undefined;
    const whole = new Uint8Array(gzipSync("{}"));
    const body = count === 1 ? whole.slice(0, -4) : whole;
    return new Response(body, { headers: { "content-encoding": "gzip" } });
  };
  assert.deepEqual(await storage.fetch("gs://bucket/model"), { "/a.json": "{}" });
});

Deno.test("fetchFolder() refuses a folder that does not fit on the disk", async () => {
  await using storage = new Storage({ "model/w": utf8("x") });
  Object.assign(storage.about, { size: "9000000000000000" });
  await assert.rejects(storage.fetch("gs://bucket/model"), {
    name: "StorageError",
    message: /^'gs:\/\/bucket\/model' contains 9000000000000000 bytes, and the disk of '.*' has \d+ free: set TMPDIR/,
  });
  assert.deepEqual(storage.files(), {});
});

Deno.test("fetchFolder() refuses a folder with too many objects, even if all of them are empty folders", async () => {
  await using storage = new Storage({});
  const items = Array.from({ length: 60_000 }, (_, index) => ({ name: `model/${index}/`, size: "0" }));
  storage.interfere = (path) => path.endsWith("/o") ? Response.json({ items, nextPageToken: "more" }) : undefined;
  await assert.rejects(storage.fetch("gs://bucket/model"), {
    name: "StorageError",
    message: "'gs://bucket/model' contains more than 100000 objects: name the folder of the model",
  });
});

for (
  const [what, uri, objects, message] of [
    [
      "the URI names no bucket",
      "gs://",
      {},
      /^'gs:\/\/' is not a folder of Cloud Storage: write gs:\/\/BUCKET\/FOLDER$/,
    ],
    [
      "the folder is empty",
      "gs://bucket/model",
      { "model/": utf8("") },
      /^'gs:\/\/bucket\/model' contains no objects: check the bucket/,
    ],
    [
      "there is no bucket",
      "gs://other/model",
      {},
      /^Could not list 'gs:\/\/other\/model\/': http.* answered 404: check that the bucket exists/,
    ],
    [
      "a name leads out of the folder",
      "gs://bucket/model",
      { "model/../../x": utf8("") },
      /contains an object whose name is not a safe path/,
    ],
    [
      "an object has the name of a folder",
      "gs://bucket/model",
      { "model/a": utf8(""), "model/a/b/c": utf8("") },
      /^'gs:\/\/bucket\/model' contains 'model\/a' both as an object and as a folder: remove one of them$/,
    ],
    [
      "a name is absolute",
      "gs://bucket/model",
      { "model//x": utf8("") },
      /contains an object whose name is not a safe path: '\/x'$/,
    ],
  ] as const
) {
  Deno.test(`fetchFolder() fails at once when ${what}`, async () => {
    await using storage = new Storage(objects);
    await assert.rejects(storage.fetch(uri), { name: "StorageError", message });
    assert.deepEqual(storage.files(), {});
    assert.ok(storage.asked.length <= 2);
  });
}

Deno.test("fetchFolder() gives up with the reason after several failures", async () => {
  await using storage = new Storage({ "model/a": utf8("x") });
  storage.md5 = () => "another";
  await assert.rejects(storage.fetch("gs://bucket/model"), {
    name: "StorageError",
    message: "Could not fetch 'gs://bucket/model/a': its checksum does not match",
  });
  assert.equal(storage.asked.filter((path) => path.endsWith("/o/model%2Fa")).length, 5);
});

Deno.test("fetchFolder() fails when the metadata server has no token", async () => {
  await using storage = new Storage(OBJECTS);
  storage.interfere = (path) => path === TOKEN_PATH ? new Response("", { status: 404 }) : undefined;
  await assert.rejects(storage.fetch("gs://bucket/model"), {
    name: "StorageError",
    message: /^Could not list 'gs:\/\/bucket\/model\/': http:.*\/token answered 404 instead of a token$/,
  });
});

Deno.test("fetchFolder() ends when it is aborted", async () => {
  await using storage = new Storage(OBJECTS);
  const stop = new AbortController();
  storage.interfere = (path) => {
    if (path.endsWith(".json")) stop.abort(new Error("stopped"));
    return path.endsWith(".json") ? new Response("", { status: 503 }) : undefined;
  };
  await assert.rejects(storage.fetch("gs://bucket/model", stop.signal), { message: "stopped" });
});
