import assert from "node:assert/strict";
import { Executing } from "../../../src/http/executing.ts";

const from = (port: number) => ({ remoteAddr: { transport: "tcp" as const, hostname: "127.0.0.1", port } });

Deno.test("ports() has the clients of requests that have entered and not left", () => {
  const executing = new Executing();
  const places = [1, 2, 3, 2].map((port) => executing.enter(from(port)));
  assert.deepEqual([...executing.ports()].sort(), [1, 2, 3]);
  executing.leave(places[1]!);
  assert.deepEqual([...executing.ports()].sort(), [1, 2, 3]);
  executing.leave(places[3]!);
  executing.leave(places[0]!);
  assert.deepEqual([...executing.ports()], [3]);
  assert.equal(executing.size, 1);
  assert.ok(executing.enter(from(4)) < 4, "places are used again");
  assert.deepEqual([...executing.ports()].sort(), [3, 4]);
});

Deno.test("ports() leaves out requests that have none", () => {
  const executing = new Executing();
  executing.enter({});
  executing.enter({ remoteAddr: { transport: "unix", path: "/a" } });
  assert.deepEqual([...executing.ports()], []);
});
