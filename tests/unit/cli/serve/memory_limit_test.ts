import assert from "node:assert/strict";
import { memoryLimit } from "../../../../src/cli/serve/memory_limit.ts";

const limitWith = (files: Readonly<Record<string, string>>) =>
  memoryLimit({
    total: () => 1000,
    read(path) {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(path);
      return text;
    },
  });

Deno.test("memoryLimit() is the machine's memory when no control group limits it", () => {
  assert.equal(limitWith({}), 1000);
  assert.equal(limitWith({ "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "max\n" }), 1000);
  const version1 = {
    "/proc/self/cgroup": "3:cpu,memory:/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
  };
  assert.equal(limitWith(version1), 1000);
});

Deno.test("memoryLimit() is the least of the limits of the control groups that the process is in", () => {
  const cgroup = { "/proc/self/cgroup": "0::/a/b\n" };
  assert.equal(
    limitWith({ ...cgroup, "/sys/fs/cgroup/a/b/memory.max": "400\n", "/sys/fs/cgroup/a/memory.max": "300\n" }),
    300,
  );
  // A container that sees the host's path, and its own group at the root.
  assert.equal(limitWith({ ...cgroup, "/sys/fs/cgroup/memory.max": "200\n" }), 200);
  const version1 = {
    "/proc/self/cgroup": "4:memory:/a\n0::/\n",
    "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "100\n",
  };
  assert.equal(limitWith(version1), 100);
});

Deno.test("memoryLimit() is a number of bytes on this machine", () => {
  assert.ok(memoryLimit() > 2 ** 20);
});
