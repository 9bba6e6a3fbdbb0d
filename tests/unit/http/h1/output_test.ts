import assert from "node:assert/strict";
import { Lease } from "../../../../src/lease.ts";
import type { Answer } from "../../../../src/http/h1/answer.ts";
import { Output } from "../../../../src/http/h1/output.ts";
import { ClientTurn } from "../../../../src/http/h1/turn.ts";

/** Sends an answer, and returns what was written, in Latin-1, and from which buffers. */
async function sent(
  answer: Answer & { readonly body: Uint8Array<ArrayBuffer> },
  buffers: ArrayBufferLike[] = [],
): Promise<string[]> {
  const writes: string[] = [];
  const write = (bytes: Uint8Array) => {
    buffers.push(bytes.buffer);
    writes.push(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    return Promise.resolve(bytes.length);
  };
  const output = new Output({ write } as unknown as Deno.Conn, new ClientTurn());
  await output.answer(answer, { kind: "length", length: answer.body.length }, "");
  return writes;
}

Deno.test("answer() sends a body in shared memory with its head in one write, and changes nothing but the room before it", async () => {
  for (const type of ["text/plain", "text/plain; é", `text/plain; ${"x".repeat(5000)}`]) {
    const place = new Uint8Array(4096 + 100_000).fill(97, 4096);
    const bytes = place.subarray(4096);
    const lease = new Lease(bytes, 128, () => {});
    for (const body of [bytes, bytes.subarray(10)]) {
      const writes = await sent({ status: 200, headers: { "content-type": type }, body, lease });
      assert.ok(writes[0]!.startsWith("HTTP/1.1 200 OK\r\n"));
      assert.ok(writes.join("").endsWith(`\r\n\r\n${"a".repeat(body.length)}`));
      assert.ok(writes.join("").includes(`content-type: ${type}\r\ncontent-length: ${body.length}\r\n`));
      assert.equal(writes.length, type.length > 4096 ? 2 : 1);
      assert.ok(bytes.subarray(10).every((byte) => byte === 97));
    }
    lease.release();
  }
});

Deno.test("answer() sends a short body with its head if the shared memory holds something else", async () => {
  const lease = new Lease(new Uint8Array(20_000), 128, () => {});
  const writes = await sent({ status: 200, headers: {}, body: new TextEncoder().encode("[0]"), lease });
  assert.equal(writes.length, 1);
  assert.ok(writes[0]!.endsWith("\r\n\r\n[0]"));
});

Deno.test("answer() sends a body in shared memory from there, however short it is", async () => {
  const place = new Uint8Array(4096 + 20_000).fill(97, 4096);
  const body = place.subarray(4096);
  const buffers: ArrayBufferLike[] = [];
  const lease = new Lease(body, 128, () => {});
  const [write = ""] = await sent({ status: 200, headers: {}, body, lease }, buffers);
  assert.ok(write.endsWith(`\r\n\r\n${"a".repeat(20_000)}`));
  assert.deepEqual(buffers.map((buffer) => buffer === place.buffer), [true]);
});

Deno.test("answer() frees a body of 8 KiB and more once it is sent, and the buffer for it", async () => {
  for (const [length, freed] of [[7000, false], [20_000, true], [40_000, true]] as const) {
    const body = new Uint8Array(length).fill(97);
    const { buffer } = body;
    const buffers: ArrayBufferLike[] = [];
    const writes = await sent({ status: 200, headers: {}, body }, buffers);
    assert.ok(writes.join("").endsWith(`\r\n\r\n${"a".repeat(length)}`));
    assert.equal(buffer.detached, freed);
    assert.equal((buffers.at(-1) as ArrayBuffer).detached, freed);
  }
});
