import assert from "node:assert/strict";
import { toResponse } from "../../../src/http/fetch_types.ts";
import type { Answer, Pieces } from "../../../src/http/h1/mod.ts";
import { gatherParts, respondInParts, takesEvents } from "../../../src/http/parts.ts";
import { PartStream } from "../../../src/supervisor/part_stream.ts";
import { text, utf8 } from "../helper/bytes.ts";

const respond = (...args: Parameters<typeof respondInParts>) => toResponse(respondInParts(...args));

const lost = { kind: "lost", cause: "exit code 3" } as const;

function streamOf(parts: readonly string[], failure?: typeof lost): PartStream {
  const stream = new PartStream({ onTaken: () => {}, onGone: () => {} });
  for (const part of parts) stream.push(utf8(part));
  if (failure === undefined) stream.end();
  else stream.fail(failure);
  return stream;
}

const piecesOf = ({ body }: Answer) => body as Pieces;

Deno.test("takesEvents() finds text/event-stream in an Accept header", () => {
  for (const accept of ["text/event-stream", "a/b, Text/Event-Stream;q=0.5", "text/event-stream ,*/*"]) {
    assert.equal(takesEvents(accept), true, accept);
  }
  for (const accept of ["*/*", "text/*", "text/event-streams", "a/b;x=text/event-stream"]) {
    assert.equal(takesEvents(accept), false, accept);
  }
});

Deno.test("respondInParts() returns the parts as a body, without empty pieces", async () => {
  const response = respond(
    { kind: "parts", contentType: "a/b", parts: streamOf(["one", "", "", "two"]) },
    "*/*",
    {},
  );
  assert.equal(response.headers.get("content-type"), "a/b");
  const pieces: string[] = [];
  for await (const piece of response.body!) pieces.push(text(piece));
  assert.deepEqual(pieces, ["one", "two"]);
});

Deno.test("respondInParts() fails the body when its parts fail", async () => {
  await assert.rejects(
    respond({ kind: "parts", contentType: "a/b", parts: streamOf(["one"], lost) }, "*/*", {}).text(),
    { name: "HttpProblem" },
  );
});

for (
  const [type, part, data] of [
    ["text/plain; charset=utf-8", "ä\r\nb\rc\n", "data: ä\ndata: b\ndata: c\ndata: \n\n"],
    ["text/plain", "ä", "data: ä\n\n"],
    ["text/plain", "a\nb", "data: a\ndata: b\n\n"],
    ["text/plain", "a\r", "data: a\ndata: \n\n"],
    ["text/plain", "", "data: \n\n"],
    ["text/plain", "\ufeffa", "data: \ufeffa\n\n"],
    ["application/json", '{"a":1}', 'data: {"a":1}\n\n'],
    ["application/problem+json", "{}", "data: {}\n\n"],
    ["application/jsonlines", "a", "data: YQ==\n\n"],
    ["image/png", "png", "data: cG5n\n\n"],
  ] as const
) {
  Deno.test(`respondInParts() writes the part ${JSON.stringify(part)} of ${type} as an event`, async () => {
    const response = respond(
      { kind: "parts", contentType: type, parts: streamOf([part]) },
      "text/event-stream",
      {},
    );
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    assert.equal(await response.text(), `${data}event: end\ndata: \n\n`);
  });
}

for (const type of ["text/event-stream", "Text/Event-Stream ; charset=utf-8"]) {
  Deno.test(`respondInParts() passes parts of ${type} through, whatever the client accepts`, async () => {
    for (const accept of ["text/event-stream", "*/*"]) {
      const parts = streamOf(["data: a\n\n", "data: [DONE]\n\n"]);
      const response = respond({ kind: "parts", contentType: type, parts }, accept, {});
      assert.equal(response.headers.get("content-type"), type);
      assert.equal(response.headers.get("cache-control"), "no-cache");
      assert.equal(response.headers.get("x-accel-buffering"), "no");
      assert.equal(await response.text(), "data: a\n\ndata: [DONE]\n\n");
      const broken = respond({ kind: "parts", contentType: type, parts: streamOf(["data: a\n"], lost) }, accept, {});
      await assert.rejects(broken.text(), { name: "HttpProblem" });
    }
  });
}

for (const accept of ["text/event-stream", "*/*"]) {
  Deno.test(`respondInParts() reports how the answer ended, and its number of parts (${accept})`, async () => {
    const answer = (parts: PartStream) => respondInParts({ kind: "parts", contentType: "a/b", parts }, accept, {});
    const whole = answer(streamOf(["one", "", "two"]));
    await toResponse(whole).bytes();
    assert.deepEqual(await whole.ended, { status: 200, parts: 3 });
    const failed = answer(streamOf(["one"], lost));
    await toResponse(failed).bytes().catch(() => {});
    assert.deepEqual(await failed.ended, { status: 502, parts: 1 });
    const left = answer(streamOf(["one", "two"]));
    await piecesOf(left).next();
    piecesOf(left).cancel();
    assert.deepEqual(await left.ended, { status: 499, parts: 2 });
    // The worker reports the end only when the test says.
    const open = new PartStream({ onTaken: () => {}, onGone: () => {} });
    const waiting = answer(open);
    const next = piecesOf(waiting).next();
    piecesOf(waiting).cancel();
    open.fail({ kind: "error", error: { reason: "cancelled", message: "The client left" } });
    assert.deepEqual(await next, { pieces: [], last: true });
    assert.deepEqual(await waiting.ended, { status: 499, parts: 0 });
    const unread = answer(streamOf(["one"]));
    piecesOf(unread).cancel();
    assert.deepEqual(await unread.ended, { status: 499, parts: 0 });
  });
}

Deno.test("respondInParts() hands over parts that are ready together at once, with the end, and waits for none", async () => {
  for (
    const [accept, ready, rest] of [["*/*", "onetwo", "three"], [
      "text/event-stream",
      "data: one\n\ndata: two\n\n",
      "data: three\n\nevent: end\ndata: \n\n",
    ]] as const
  ) {
    const parts = new PartStream({ onTaken: () => {}, onGone: () => {} });
    const pieces = piecesOf(respondInParts({ kind: "parts", contentType: "text/plain", parts }, accept, {}));
    const next = async () => {
      const { pieces: some, last } = await pieces.next();
      return [some.map(text).join(""), last];
    };
    parts.push(utf8("one"));
    parts.push(utf8("two"));
    assert.deepEqual(await next(), [ready, false]);
    const waiting = next();
    parts.push(utf8("three"));
    parts.end();
    assert.deepEqual(await waiting, [rest, true]);
  }
});

Deno.test("respondInParts() ends a stream of events with a problem when the parts fail", async () => {
  const events = await respond(
    { kind: "parts", contentType: "text/plain", parts: streamOf(["one"], lost) },
    "text/event-stream",
    {},
  ).text();
  const [, problem] = /^data: one\n\nevent: error\ndata: (.*)\n\n$/.exec(events)!;
  assert.equal(JSON.parse(problem!).status, 502);
});

Deno.test("gatherParts() returns all parts as one body, or the failure", async () => {
  assert.equal(text(await gatherParts(streamOf(["one", "", "two"])) as Uint8Array), "onetwo");
  assert.equal(await gatherParts(streamOf(["one"], lost)), lost);
});
