import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { Answer, Incoming, Pieces } from "../../../../src/http/h1/mod.ts";
import { HttpProblem } from "../../../../src/http/http_problem.ts";
import { encoded } from "../../../../src/http/sagemaker/event_stream.ts";
import { text, utf8 } from "../../helper/bytes.ts";

const PATH = "/endpoints/a/invocations-response-stream";

async function encode(body: Answer["body"], status = 200): Promise<Answer> {
  const headers = { "content-type": "text/plain" };
  return await encoded(PATH, () => Promise.resolve({ status, headers, body }))({} as Incoming);
}

/** Decodes messages; checks lengths and checksums. */
function messagesIn(bytes: Uint8Array): { headers: Record<string, string>; payload: string }[] {
  const found = [];
  for (let rest = Buffer.from(bytes); rest.length > 0;) {
    const [total, length] = [rest.readUInt32BE(0), rest.readUInt32BE(4)];
    assert.equal(rest.readUInt32BE(8), crc32(rest.subarray(0, 8)));
    assert.equal(rest.readUInt32BE(total - 4), crc32(rest.subarray(0, total - 4)));
    const headers: Record<string, string> = {};
    for (let at = 12; at < 12 + length;) {
      const name = rest.subarray(at + 1, at += 1 + rest[at]!).toString();
      assert.equal(rest[at], 7);
      const start = at + 3;
      headers[name] = rest.subarray(start, at = start + rest.readUInt16BE(at + 1)).toString();
    }
    found.push({ headers, payload: text(rest.subarray(12 + length, total - 4)) });
    rest = rest.subarray(total);
  }
  return found;
}

Deno.test("encoded() leaves handlers of other paths, and answers that are errors, as they are", async () => {
  const handler = () => Promise.reject(new Error("not called"));
  assert.equal(encoded("/endpoints/a/invocations", handler), handler);
  const { body, headers } = await encode(utf8("no"), 424);
  assert.deepEqual([text(body as Uint8Array), headers], ["no", { "content-type": "text/plain" }]);
});

Deno.test("encoded() divides a whole answer into messages of at most 1 MiB", async () => {
  const { body, headers } = await encode(new Uint8Array(2 ** 21 + 1).fill(0x61));
  const messages = messagesIn(body as Uint8Array);
  assert.deepEqual(messages.map(({ payload }) => payload.length), [2 ** 20, 2 ** 20, 1]);
  assert.equal(messages[2]!.headers[":event-type"], "PayloadPart");
  assert.deepEqual(headers, {
    "content-type": "application/vnd.amazon.eventstream",
    "x-amzn-sagemaker-content-type": "text/plain",
  });
  assert.equal(((await encode(new Uint8Array(0))).body as Uint8Array).length, 0);
});

Deno.test("encoded() sends parts that are ready together, ends with an exception, and passes on that the client has left", async () => {
  const calls: string[] = [];
  const parts = ["a", "b"].map(utf8);
  const inner: Pieces = {
    next: () =>
      parts.length > 0
        ? Promise.resolve({ pieces: parts.splice(0), last: false })
        : Promise.reject(new HttpProblem(504, "late")),
    sent: () => void calls.push("sent"),
    cancel: () => void calls.push("cancel"),
  };
  const body = (await encode(inner)).body as Pieces;
  const ready = await body.next();
  assert.deepEqual(ready.pieces.flatMap(messagesIn).map(({ payload }) => payload), ["a", "b"]);
  assert.equal(ready.last, false);
  const end = await body.next();
  assert.equal(end.last, true);
  const [{ headers, payload } = assert.fail()] = messagesIn(end.pieces[0]!);
  assert.equal(headers[":exception-type"], "ModelStreamError");
  assert.deepEqual(JSON.parse(payload), { Message: "late", ErrorCode: "ModelInvocationTimeExceeded" });
  body.sent();
  body.cancel();
  assert.deepEqual(calls, ["sent", "cancel"]);
});
