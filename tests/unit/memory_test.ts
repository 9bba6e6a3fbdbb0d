import assert from "node:assert/strict";
import { freeLarge, keepFreedMemory } from "../../src/memory.ts";

const LARGE = 8 * 1024;

Deno.test("freeLarge() empties only arrays that own a large buffer", () => {
  const large = new Uint8Array(LARGE);
  freeLarge(large);
  assert.equal(large.length, 0);
  assert.equal(large.buffer.detached, true);
  freeLarge(large);

  const small = new Uint8Array(LARGE - 1);
  freeLarge(small);
  assert.equal(small.length, LARGE - 1);

  const whole = new Uint8Array(3 * LARGE).fill(7);
  const part = whole.subarray(LARGE);
  freeLarge(part);
  assert.equal(part.length, 2 * LARGE);
  assert.equal(whole.at(-1), 7);
});

const COUNTS = 10;

/** How many blocks glibc has mapped on their own (`hblks` of mallinfo(3)), before and after an allocation of 20 MiB. */
function mappedBlocks(): readonly [before: number, after: number] {
  const library = Deno.dlopen("libc.so.6", {
    mallinfo: { parameters: [], result: { struct: new Array(COUNTS).fill("i32") } },
    malloc: { parameters: ["usize"], result: "pointer" },
    free: { parameters: ["pointer"], result: "void" },
  });
  const { mallinfo, malloc, free } = library.symbols;
  const count = () => new Int32Array(new Uint8Array(mallinfo()).buffer)[3]!;
  const before = count();
  const block = malloc(20n * 2n ** 20n);
  const after = count();
  free(block);
  library.close();
  return [before, after];
}

Deno.test("keepFreedMemory() makes the allocator map no block of 20 MiB on its own", () => {
  keepFreedMemory();
  const [before, after] = mappedBlocks();
  assert.equal(after, before);
});

Deno.test("keepFreedMemory() does not make V8 begin a collection", async () => {
  const program = `
    const { keepFreedMemory } = await import("${new URL("../../src/memory.ts", import.meta.url)}");
    keepFreedMemory();
    const objects = [];
    for (let i = 0; i < 300_000; i++) objects[i % 100] = { i };`;
  const { stdout, success } = await evaluate(program, [
    // As in the executable. Newer versions of V8 have no such flag.
    ...(await isFlag(ACCOUNTED) ? [ACCOUNTED] : []),
    "--initial-old-space-size=16",
    "--trace-incremental-marking",
  ]);
  assert.ok(success);
  assert.doesNotMatch(stdout, /global allocation limit/);
});

const ACCOUNTED = "--external-memory-accounted-in-global-limit";

async function isFlag(flag: string): Promise<boolean> {
  return (await evaluate("", ["--help"])).stdout.includes(`${flag} `);
}

async function evaluate(program: string, flags: readonly string[]) {
  const args = ["eval", `--v8-flags=${flags.join()}`, program];
  const { stdout, success } = await new Deno.Command(Deno.execPath(), { args }).output();
  return { stdout: new TextDecoder().decode(stdout), success };
}
