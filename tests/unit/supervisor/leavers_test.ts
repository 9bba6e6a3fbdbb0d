import assert from "node:assert/strict";
import { InFlight } from "../../../src/supervisor/in_flight.ts";
import type { Job } from "../../../src/supervisor/job.ts";
import { Leavers } from "../../../src/supervisor/leavers.ts";
import { FakeClock } from "../helper/fake_clock.ts";

/** Jobs of a worker, and those whose clients were found to have left. */
class Setting {
  readonly inFlight = new InFlight();
  readonly left: number[] = [];
  readonly leavers = new Leavers(() => this.inFlight, (id) => this.left.push(id));
  /** How often a client was asked for. */
  watched = 0;

  add(client = new AbortController()): { id: number; client: AbortController } {
    const gone = () => {
      this.watched++;
      return client.signal;
    };
    const job = { gone, settle() {} } as unknown as Job;
    const id = this.inFlight.add(job);
    this.leavers.add(id, job);
    return { id, client };
  }
}

Deno.test("Leavers watches every client until requests are known to be quick, and again when they are not", () => {
  using clock = new FakeClock();
  const setting = new Setting();
  const first = setting.add();
  assert.equal(setting.watched, 1);
  first.client.abort();
  assert.deepEqual(setting.left, [first.id]);

  setting.leavers.observe(100, 100);
  setting.add();
  assert.deepEqual([setting.watched, clock.pending.length], [1, 1]);

  setting.leavers.observe(10, 100);
  setting.add();
  assert.equal(setting.watched, 2);
  setting.leavers.stop();
  assert.deepEqual(clock.pending, []);
});

Deno.test("Leavers watches what takes long on a quick worker, once", () => {
  using clock = new FakeClock();
  const setting = new Setting();
  setting.leavers.observe(1, 1);
  const quick = setting.add();
  const long = setting.add();
  clock.advance(10);
  setting.inFlight.take(quick.id);
  const later = setting.add();
  clock.advance(10);
  assert.equal(setting.watched, 1, "only what is there at the second look");
  long.client.abort();
  assert.deepEqual(setting.left, [long.id]);
  clock.advance(100);
  assert.deepEqual([setting.watched, setting.left], [2, [long.id]]);
  for (const { id } of [long, later]) setting.inFlight.take(id);
  clock.advance(10);
  assert.deepEqual(clock.pending, [], "nothing runs while there is nothing to do");
});

Deno.test("Leavers tells at once of a client that has left already", () => {
  const setting = new Setting();
  const client = new AbortController();
  client.abort();
  setting.leavers.always = true;
  setting.leavers.observe(1, 1);
  const { id } = setting.add(client);
  assert.deepEqual(setting.left, [id]);
});
