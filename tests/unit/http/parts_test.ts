import assert from "node:assert/strict";
import { toResponse } from "../../../src/http/fetch_types.ts";
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

Deno.test("takesEvents() finds text/event-stream among what a client accepts", () => {
  for (const accept of ["text/event-stream", "a/b, Text/Event-Stream;q=0.5", "text/event-stream ,*/*"]) {
    assert.equal(takesEvents(accept), true, accept);
  }
  for (const accept of ["*/*", "text/*", "text/event-streams", "a/b;x=text/event-stream"]) {
    assert.equal(takesEvents(accept), false, accept);
  }
});

Deno.test("respondInParts() gives the parts as a body, without empty pieces", async () => {
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

Deno.test("respondInParts() breaks a body off when its parts do not come to their end", async () => {
  await assert.rejects(
    respond({ kind: "parts", contentType: "a/b", parts: streamOf(["one"], lost) }, "*/*", {}).text(),
    { name: "HttpProblem" },
  );
});

for (
  const [type, part, data] of [
    ["text/plain; charset=utf-8", "ä\r\nb\rc\n", "data: ä\ndata: b\ndata: c\ndata: \n\n"],
    ["application/json", '{"a":1}', 'data: {"a":1}\n\n'],
    ["application/problem+json", "{}", "data: {}\n\n"],
    ["application/jsonlines", "a", "data: YQ==\n\n"],
    ["image/png", "png", "data: cG5n\n\n"],
  ] as const
) {
  Deno.test(`respondInParts() writes a part of ${type} as an event`, async () => {
    const response = respond(
      { kind: "parts", contentType: type, parts: streamOf([part]) },
      "text/event-stream",
      {},
    );
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    assert.equal(await response.text(), `${data}event: end\ndata: \n\n`);
  });
}

Deno.test("respondInParts() ends events with a problem when the parts do not come to their end", async () => {
  const events = await respond(
    { kind: "parts", contentType: "text/plain", parts: streamOf(["one"], lost) },
    "text/event-stream",
    {},
  ).text();
  const [, problem] = /^data: one\n\nevent: error\ndata: (.*)\n\n$/.exec(events)!;
  assert.equal(JSON.parse(problem!).status, 502);
});

Deno.test("gatherParts() gives all as one, or what went wrong", async () => {
  assert.equal(text(await gatherParts(streamOf(["one", "", "two"])) as Uint8Array), "onetwo");
  assert.equal(await gatherParts(streamOf(["one"], lost)), lost);
});
