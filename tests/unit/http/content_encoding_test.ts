import assert from "node:assert/strict";
import zlib from "node:zlib";
import { bodyOf } from "../../../src/http/content_encoding.ts";
import type { Incoming } from "../../../src/http/h1/mod.ts";
import { incomingOf } from "../helper/app.ts";
import { text, utf8 } from "../helper/bytes.ts";

/** A request with this body that records whether the body was read. */
function incoming(body: Uint8Array<ArrayBuffer>): Incoming & { asked: boolean } {
  const made = incomingOf(new Request("http://localhost/", { method: "POST", body }));
  return {
    ...made,
    asked: false,
    body(maxBytes) {
      this.asked = true;
      return made.body(maxBytes);
    },
  };
}

const gzip = (bytes: Uint8Array) => new Uint8Array(zlib.gzipSync(bytes));
const deflate = (bytes: Uint8Array) => new Uint8Array(zlib.deflateSync(bytes));
const plain = utf8("[1, 2]");

for (
  const [header, body] of [
    [null, plain],
    ["", plain],
    ["identity", plain],
    [" Identity , ", plain],
    ["gzip", gzip(plain)],
    ["GZip", gzip(plain)],
    ["x-gzip", gzip(plain)],
    ["deflate", deflate(plain)],
    ["identity, gzip,", gzip(plain)],
    ["gzip, deflate", deflate(gzip(plain))],
    ["deflate,x-gzip", gzip(deflate(plain))],
  ] as const
) {
  Deno.test(`bodyOf() decodes Content-Encoding ${header === null ? "that is not there" : `'${header}'`}`, async () => {
    assert.equal(text(await bodyOf(incoming(body), header, 1000)), "[1, 2]");
  });
}

for (
  const header of ["br", "zstd", "compress", "gzip, br", "br, gzip", "gzip;q=1", "aws-chunked", "gzip, gzip, gzip"]
) {
  Deno.test(`bodyOf() throws 415 for Content-Encoding '${header}' before it reads the body`, async () => {
    const request = incoming(plain);
    await assert.rejects(bodyOf(request, header, 1000), {
      status: 415,
      headers: { "accept-encoding": "gzip, deflate" },
    });
    assert.equal(request.asked, false);
  });
}

Deno.test("bodyOf() accepts an empty body with any coding", async () => {
  assert.equal((await bodyOf(incoming(new Uint8Array(0)), "gzip", 1000)).length, 0);
});

Deno.test("bodyOf() limits the compressed body, the decoded one, and each one between two codings", async () => {
  await assert.rejects(bodyOf(incoming(gzip(new Uint8Array(1001))), "gzip", 1000), { status: 413 });
  await assert.rejects(bodyOf(incoming(gzip(crypto.getRandomValues(new Uint8Array(1000)))), "gzip", 1000), {
    status: 413,
  });
  const large = gzip(gzip(crypto.getRandomValues(new Uint8Array(1100))));
  await assert.rejects(bodyOf(incoming(large), "gzip, gzip", 1000), { status: 413 });
  // A gzip header with a very long name compresses well, and decodes to nothing.
  const inner = gzip(plain);
  const named = new Uint8Array([
    ...inner.subarray(0, 3),
    8,
    ...inner.subarray(4, 10),
    ...new Uint8Array(5000).fill(65),
    0,
    ...inner.subarray(10),
  ]);
  await assert.rejects(bodyOf(incoming(gzip(named)), "gzip, gzip", 1000), { status: 413 });
});

Deno.test("bodyOf() throws 400 when a body does not have the declared coding", async () => {
  for (const header of ["gzip", "deflate", "gzip, deflate"]) {
    await assert.rejects(bodyOf(incoming(plain), header, 1000), { status: 400 }, header);
  }
});

Deno.test("bodyOf() decodes a body to at most 200 times its compressed size, once it is over 4 MiB", async () => {
  const MAX = 100 * 2 ** 20;
  const zeros = (mebibytes: number) => gzip(new Uint8Array(mebibytes * 2 ** 20));
  assert.equal((await bodyOf(incoming(zeros(4)), "gzip", MAX)).length, 4 * 2 ** 20);
  // 20 KiB of gzip, compressed once more.
  for (const [body, codings] of [[zeros(20), "gzip"], [gzip(zeros(20)), "gzip, gzip"]] as const) {
    await assert.rejects(bodyOf(incoming(body), codings, MAX), {
      status: 413,
      message:
        /larger than the limit of 4194304 bytes \(4 MiB, or 200 times what was sent: send it without Content-Encoding\)$/,
    });
  }
  const digits = utf8(Array.from({ length: 2 ** 20 }, (_, i) => (i * 2654435761) % 1000).join());
  assert.equal((await bodyOf(incoming(gzip(digits)), "gzip", MAX)).length, digits.length);
});
