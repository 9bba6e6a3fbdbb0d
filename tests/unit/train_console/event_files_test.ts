import assert from "node:assert/strict";
import { EventFiles } from "../../../src/train_console/event_files.ts";
import { maskedCrc32c } from "../../../src/train_console/crc32c.ts";
import { readEvent } from "../../../src/train_console/event.ts";

/** Made by PyTorch's SummaryWriter: scalars in both forms, a histogram and a text. */
const TORCH = Deno.readFileSync(new URL("../../fixtures/torch.tfevents", import.meta.url));

const SCALARS = [
  ["loss", 0, 1],
  ["loss", 1, 0.5],
  ["loss", 2, Math.fround(1 / 3)],
  ["new style", 7, 0.5],
  ["double", 8, 0.25],
  ["nan", 9, NaN],
  ["größe", 2 ** 40, -3.5],
];

/** A folder whose event files are followed. */
class Followed implements Disposable {
  readonly root = Deno.makeTempDirSync({ prefix: "events-" });
  readonly scalars: (string | number)[][] = [];
  readonly runs = new Set<string>();
  readonly files: EventFiles;

  constructor(since = 0) {
    this.files = new EventFiles([this.root, `${this.root}/none`], since, (tag, run, step, value) => {
      this.scalars.push([tag, step, value]);
      this.runs.add(run);
    });
  }

  write(name: string, bytes: Uint8Array): void {
    Deno.mkdirSync(`${this.root}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeFileSync(`${this.root}/${name}`, bytes);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** A record around data. */
function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return bytes;
}

Deno.test("EventFiles.poll() reads what PyTorch's SummaryWriter wrote, and nothing else", async () => {
  using followed = new Followed();
  followed.write("a/b/events.out.tfevents.1.host", TORCH);
  followed.write("other.txt", TORCH);
  assert.equal(await followed.files.poll(), false);
  assert.deepEqual(followed.scalars, SCALARS);
  assert.deepEqual([[...followed.runs], followed.files.notes], [["a/b"], []]);
  await followed.files.poll();
  assert.equal(followed.scalars.length, SCALARS.length);
});

Deno.test("EventFiles.poll() reads a file that grows byte by byte", async () => {
  using followed = new Followed();
  for (let length = 0; length < 400; length += 7) {
    followed.write("tfevents", TORCH.subarray(0, length));
    await followed.files.poll();
  }
  followed.write("tfevents", TORCH);
  await followed.files.poll();
  assert.deepEqual([followed.scalars, followed.files.notes], [SCALARS, []]);
});

Deno.test("EventFiles.poll() notes a damaged file, and goes on with others", async () => {
  for (const at of [3, 9, 20, 1000]) {
    using followed = new Followed();
    const damaged = TORCH.slice();
    damaged[at]! ^= 1;
    followed.write("a/tfevents", damaged);
    followed.write("b/tfevents", TORCH);
    await followed.files.poll();
    await followed.files.poll();
    assert.equal(followed.files.notes.length, 1, `byte ${at}`);
    assert.match(followed.files.notes[0]!, /a\/tfevents' can't be read: A checksum is wrong at byte \d+; what follows/);
    assert.ok(followed.runs.has("b"));
  }
});

Deno.test("EventFiles.poll() skips long records without reading them", async () => {
  using followed = new Followed();
  const long = record(new Uint8Array(3 * 2 ** 20));
  followed.write("tfevents", long.subarray(0, 2 ** 20));
  await followed.files.poll();
  followed.write("tfevents", new Uint8Array([...long, ...TORCH]));
  await followed.files.poll();
  assert.deepEqual([followed.scalars, followed.files.notes], [SCALARS, []]);
});

Deno.test("EventFiles.poll() leaves out files of earlier runs, links, and what is no regular file", async () => {
  using followed = new Followed(Date.now() + 3_600_000);
  followed.write("old/tfevents", TORCH);
  const now = new Date(Date.now() + 7_200_000);
  Deno.symlinkSync(`${followed.root}/old`, `${followed.root}/linked`);
  Deno.symlinkSync(`${followed.root}/old/tfevents`, `${followed.root}/tfevents`);
  await followed.files.poll();
  assert.deepEqual(followed.scalars, []);
  Deno.utimeSync(`${followed.root}/old/tfevents`, now, now);
  await followed.files.poll();
  assert.deepEqual([[...followed.runs], followed.scalars], [["old"], SCALARS]);
});

Deno.test("readEvent() returns undefined for messages without scalars, and for what is no message", () => {
  assert.equal(readEvent(new Uint8Array(0)), undefined);
  for (let seed = 1; seed < 2000; seed++) {
    // Any bytes must be read without an exception.
    let state = seed;
    readEvent(Uint8Array.from({ length: seed % 60 }, () => (state = state * 1103515245 + 12345 & 0x7fffffff) >>> 16));
  }
});

Deno.test("readEvent() reads tensors of one element, of each type", () => {
  const tensor = (...bytes: number[]) => {
    const value = [0x0a, 1, 0x74, 0x42, bytes.length, ...bytes];
    const summary = [0x0a, value.length, ...value];
    return readEvent(Uint8Array.of(0x10, 5, 0x2a, summary.length, ...summary))?.scalars[0]?.value;
  };
  // The type, then the content or the list of the type.
  assert.equal(tensor(0x08, 1, 0x22, 4, 0, 0, 0x20, 0x41), 10);
  assert.equal(tensor(0x08, 1, 0x2a, 4, 0, 0, 0x20, 0x41), 10);
  assert.equal(tensor(0x08, 1, 0x2d, 0, 0, 0x20, 0x41), 10);
  assert.equal(tensor(0x08, 2, 0x32, 8, 0, 0, 0, 0, 0, 0, 0x24, 0x40), 10);
  assert.equal(tensor(0x08, 3, 0x3a, 1, 10), 10);
  assert.equal(tensor(0x08, 3, 0x38, 10), 10);
  assert.equal(tensor(0x08, 9, 0x22, 8, 0xf6, 255, 255, 255, 255, 255, 255, 255), -10);
  assert.equal(tensor(0x08, 9, 0x52, 10, 0xf6, 255, 255, 255, 255, 255, 255, 255, 255, 1), -10);
  assert.equal(tensor(0x08, 19, 0x22, 2, 0, 0x49), 10);
  assert.equal(tensor(0x08, 14, 0x6a, 3, 0xa0, 0x82, 1), 10);
  // A zero may be left out; a text, and a list of two, are no scalars.
  assert.equal(tensor(0x08, 1), 0);
  assert.equal(tensor(0x08, 7, 0x42, 1, 0x61), undefined);
  assert.equal(tensor(0x08, 1, 0x12, 4, 0x12, 2, 0x08, 2, 0x22, 4, 0, 0, 0x20, 0x41), undefined);
});
