/** Streamed answers of all kinds of generators. */

import assert from "node:assert/strict";
import { sleep, until } from "./support/limits.ts";
import { onOneServer } from "./support/one_server.ts";
import { echo, py, test } from "./support/sandbox.ts";
import { problemOf, type Server } from "./support/server.ts";

/** Counts up to the number in the body; the text after it selects how. */
const BODY = py`
      count, _, how = data.decode().partition(" ")
      try:
          for index in range(int(count)):
              if how == "fail" and index == 2:
                  raise ValueError("in the middle")
              if how == "exit" and index == 2:
                  os._exit(3)
              if how == "slow":
                  PAUSE(0.2)
              print("made", index, how, flush=True)
              yield b"x" * 100_000 if how == "large" else f"part {index}\n".encode()
          print("at its end", how, flush=True)
      finally:
          print("closed", how, flush=True)
`;
const GENERATOR = echo(
  `import asyncio, os, time\ndef predict(data, model):\n${indent(BODY.replace("PAUSE", "time.sleep"))}\n`,
);
const ASYNC = echo(
  `import asyncio, os\nasync def predict(data, model):\n${indent(BODY.replace("PAUSE", "await asyncio.sleep"))}\n`,
);

function indent(text: string): string {
  return text.split("\n").map((line) => `    ${line}`).join("\n");
}

const KINDS = [
  ["a generator", GENERATOR, []],
  ["an async generator", ASYNC, []],
  ["a generator in threads", GENERATOR, ["--threads", "2"]],
] as const;

const serving = (args: readonly string[]) => ({ args: ["--port", "0", ...args] });
const EVENTS = { accept: "text/event-stream" };

/** Yields the pieces of an answer as they arrive. */
async function* pieces(server: Server, body: string, headers: HeadersInit = {}, signal?: AbortSignal) {
  const response = await fetch(`${server.url}/invocations`, {
    method: "POST",
    body,
    headers,
    ...(signal && { signal }),
  });
  assert.equal(response.status, 200);
  yield* response.body!.pipeThrough(new TextDecoderStream());
}

for (const [what, script, args] of KINDS) {
  const streaming = onOneServer((box) => box.serve(script, serving(args)));

  streaming(
    `${what} is streamed part by part or as events, and an exception midway ends the answer early`,
    async (server) => {
      // Part by part, as soon as each is ready.
      const whole = await server.invoke("3");
      assert.equal(whole.text, "part 0\npart 1\npart 2\n");
      assert.equal(whole.headers.get("content-type"), "application/octet-stream");
      assert.equal(whole.headers.get("content-length"), null);
      const seen: [string, number][] = [];
      const start = performance.now();
      for await (const piece of pieces(server, "3 slow")) seen.push([piece, performance.now() - start]);
      assert.deepEqual(seen.map(([piece]) => piece), ["part 0\n", "part 1\n", "part 2\n"]);
      assert.ok(seen[0]![1] < seen[2]![1] - 300, "the first did not wait for the last");
      assert.equal((await server.invoke("0")).text, "", "one without parts");
      const many = await server.invoke("1000");
      assert.equal(many.text.split("\n").length, 1001);

      // As events, if the client accepts them.
      const answer = await server.invoke("2", EVENTS);
      assert.equal(answer.headers.get("content-type"), "text/event-stream");
      const base64 = (text: string) => btoa(text);
      assert.equal(
        answer.text,
        `data: ${base64("part 0\n")}\n\ndata: ${base64("part 1\n")}\n\nevent: end\ndata: \n\n`,
      );
      assert.equal((await server.invoke("0", EVENTS)).text, "event: end\ndata: \n\n");

      // With an exception midway; events contain the reason.
      await assert.rejects(server.invoke("5 fail"), "a body that is not whole is no answer");
      const { text } = await server.invoke("5 fail", EVENTS);
      const [, problem] = /\nevent: error\ndata: (.*)\n\n$/.exec(text)!;
      assert.equal(JSON.parse(problem!).detail, "predict() raised ValueError: in the middle");
      assert.equal((await server.invoke("1")).text, "part 0\n");
    },
  );

  streaming(
    `${what} waits for a client that does not read, and is closed when the client disconnects`,
    async (server) => {
      const client = new AbortController();
      const reader = pieces(server, "100000 large", {}, client.signal);
      await reader.next();
      const made = () => server.printed.filter((line) => /^made \d+ large$/.test(line)).length;
      let count = -1;
      await until("it waits", async () => {
        const same = made() === count;
        count = made();
        await sleep(300);
        return same && made() === count;
      });
      assert.ok(count > 0 && count < 2000, `${count} parts of 100 kB were made for a client that read one`);
      client.abort();
      await reader.return(undefined).catch(() => {});
      await until("it is closed", () => server.printed.includes("closed large"));
      assert.ok(!server.printed.includes("at its end large"));
      assert.equal((await server.invoke("1")).text, "part 0\n");
      assert.equal(server.workersReady, 1);
    },
  );
}

test("a generator is closed when its client disconnects before the first part", async (box) => {
  const server = await box.serve(echo(py`
    import time
    def predict(data, model):
        try:
            if data:
                print("begun", flush=True)
                time.sleep(0.5)
            for _ in range(10_000 if data else 1):
                yield b"x" * 100_000
        finally:
            print("closed", flush=True)
  `));
  const client = new AbortController();
  const answer = fetch(`${server.url}/invocations`, { method: "POST", body: "long", signal: client.signal });
  await until("it has begun", () => server.printed.includes("begun"));
  client.abort();
  await assert.rejects(answer);
  await until("it is closed", () => server.printed.includes("closed"));
  assert.equal((await server.invoke("")).bytes.length, 100_000);
  await server.stop();
});

test("a worker that dies midway ends its answer early, and events contain the reason", async (box) => {
  const server = await box.serve(GENERATOR);
  await assert.rejects(server.invoke("5 exit"));
  await until("another worker is ready", () => server.workersReady === 2);
  const { text } = await server.invoke("5 exit", EVENTS);
  assert.match(text, /\nevent: error\ndata: .*The worker that executed this request died \(exit code 3\)/);
  await server.stop();
});

test("events contain text line by line; a part that serialize refuses ends them with a problem", async (box) => {
  const server = await box.serve(echo(py`
    def predict(data, model):
        yield "ä\nb"
        yield "c"
    def serialize(data, accepted):
        if accepted == "image/png":
            return None
        return (data + " " + accepted).encode(), "text/plain; charset=utf-8"
  `));
  const events = await server.invoke("", { accept: "Text/Event-Stream, text/plain;q=0.5" });
  assert.equal(
    events.text,
    "data: ä\ndata: b text/plain;q=0.5\n\ndata: c text/plain;q=0.5\n\nevent: end\ndata: \n\n",
  );
  const refused = await server.invoke("", { accept: "image/png" });
  assert.equal(refused.status, 406);
  assert.match(problemOf(refused).detail, /no format that fits 'image\/png'/);
  await server.stop();
});

const OWN_EVENTS = echo(py`
  def predict(data, model):
      yield b'data: {"text": "Hel"}\n\n'
      yield b'data: {"text": "lo"}\n'
      yield b'\n'
      if data == b"fail":
          raise ValueError("in the middle")
      yield b'data: [DONE]\n\n'
  def serialize(data, accepted):
      return data, "text/event-stream; charset=utf-8"
`);

for (
  const [what, script] of [["parts", OWN_EVENTS], [
    "parts of a coroutine",
    OWN_EVENTS.replace("def predict", "async def predict"),
  ]] as const
) {
  test(`events that a script formats itself, as ${what}, are passed through`, async (box) => {
    const server = await box.serve(script);
    for (const accept of ["text/event-stream", "*/*", "application/json"]) {
      const answer = await server.invoke("", { accept });
      assert.equal(answer.text, 'data: {"text": "Hel"}\n\ndata: {"text": "lo"}\n\ndata: [DONE]\n\n', accept);
      assert.equal(answer.headers.get("content-type"), "text/event-stream; charset=utf-8");
      assert.equal(answer.headers.get("cache-control"), "no-cache");
      assert.equal(answer.headers.get("x-accel-buffering"), "no");
      await assert.rejects(server.invoke("fail", { accept }), "what else could be said in its events is not known");
    }
    await server.stop();
  });
}

test("events that a script returns as a whole are sent with the headers of an event stream", async (box) => {
  const server = await box.serve(echo(py`
    def predict(data, model):
        return b"data: [DONE]\n\n"
    def serialize(data, accepted):
        return data, "text/event-stream"
  `));
  const answer = await server.invoke("");
  assert.equal(answer.text, "data: [DONE]\n\n");
  assert.equal(answer.headers.get("cache-control"), "no-cache");
  assert.equal(answer.headers.get("x-accel-buffering"), "no");
  await server.stop();
});

test("SIGTERM lets a streamed answer finish", async (box) => {
  const server = await box.serve(GENERATOR);
  const answer = server.invoke("5 slow");
  await sleep(400);
  const stopped = server.stop();
  assert.equal((await answer).text.split("\n").length, 6);
  await stopped;
});
