import assert from "node:assert/strict";
import { takeBody } from "../../../../src/http/h1/body.ts";
import { Input } from "../../../../src/http/h1/input.ts";

const HEAD = 100;

/** Reads a body of `length` bytes after a head, from a client that has sent all of it. @returns how many bytes each read asked for, and got */
async function read(length: number, place?: Uint8Array<ArrayBuffer>) {
  const asked: number[] = [];
  const held: number[] = [];
  const all = new Uint8Array(HEAD + length).map((_, at) => at % 251);
  let sent = 0;
  const input = new Input({
    read(space: Uint8Array) {
      const count = Math.min(space.length, all.length - sent);
      asked.push(space.length);
      space.set(all.subarray(sent, sent += count));
      return Promise.resolve(count);
    },
  } as unknown as Deno.Conn, () => {});
  await input.more();
  input.skip(HEAD);
  const body = await takeBody(input, length, (bytes) => held.push(bytes), place);
  assert.equal(body.length, length);
  assert.ok(body.every((byte, at) => byte === all[HEAD + at]));
  assert.equal(sent, all.length);
  return { asked: asked.slice(1), held, body };
}

Deno.test("takeBody() reads a body of up to 1 MiB, and the JSON of such a tensor, into shared memory with one read, after what came with the head", async () => {
  for (const length of [5000, 65_536, 1_000_000, 2 ** 20, 2 ** 20 + 65_536]) {
    const place = new Uint8Array(length);
    const { asked, body } = await read(length, place);
    assert.equal(body, place);
    assert.deepEqual(asked, [length - (4096 - HEAD)]);
  }
});

Deno.test("takeBody() takes from the budget what has room, and at last the whole body", async () => {
  const length = 5 * 2 ** 20;
  for (const place of [undefined, new Uint8Array(length)]) {
    const { asked, held } = await read(length, place);
    assert.equal(held[0], (place === undefined ? 128 * 1024 : 1088 * 1024) - 4096);
    assert.equal(held.reduce((sum, bytes) => sum + bytes, 0), length - 4096);
    assert.equal(asked.length, held.length);
  }
});

Deno.test("takeBody() takes little from the budget for a client that has not filled its connection's buffer", async () => {
  const held: number[] = [];
  const parts = [new Uint8Array(200), new Uint8Array(0)];
  const input = new Input({
    read(space: Uint8Array) {
      const part = parts.shift()!;
      space.set(part);
      return Promise.resolve(part.length || null);
    },
  } as unknown as Deno.Conn, () => {});
  await input.more();
  await assert.rejects(takeBody(input, 2 ** 20, (bytes) => held.push(bytes), new Uint8Array(2 ** 20)), /ended early/);
  assert.deepEqual(held, [16 * 1024 - 4096]);
});
