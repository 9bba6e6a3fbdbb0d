import assert from "node:assert/strict";
import { memoryLimit, oomKills } from "../../src/control_group.ts";

const sourcesOf = (files: Readonly<Record<string, string>>) => ({
  total: () => 1000,
  read(path: string) {
    const text = files[path];
    if (text === undefined) throw new Deno.errors.NotFound(path);
    return text;
  },
});
const limitWith = (files: Readonly<Record<string, string>>) => memoryLimit(sourcesOf(files));
const killsWith = (files: Readonly<Record<string, string>>) => oomKills(sourcesOf(files));

Deno.test("memoryLimit() returns the machine's memory when no control group limits it", () => {
  assert.equal(limitWith({}), 1000);
  assert.equal(limitWith({ "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "max\n" }), 1000);
  const version1 = {
    "/proc/self/cgroup": "3:cpu,memory:/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
  };
  assert.equal(limitWith(version1), 1000);
});

Deno.test("memoryLimit() returns the lowest limit of the process's control groups", () => {
  const cgroup = { "/proc/self/cgroup": "0::/a/b\n" };
  assert.equal(
    limitWith({ ...cgroup, "/sys/fs/cgroup/a/b/memory.max": "400\n", "/sys/fs/cgroup/a/memory.max": "300\n" }),
    300,
  );
  // A container that sees its path on the host, with its own group at the root.
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

Deno.test("oomKills() returns the count of the process's own control group", () => {
  const events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n";
  assert.equal(killsWith({ "/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/memory.events": events }), 2);
  const others = "oom_kill 7\n";
  assert.equal(
    killsWith({
      "/proc/self/cgroup": "0::/a/b\n",
      "/sys/fs/cgroup/a/memory.events": others,
      "/sys/fs/cgroup/a/b/memory.events": events,
      "/proc/vmstat": "oom_kill 9\n",
    }),
    2,
  );
  assert.equal(
    killsWith({
      "/proc/self/cgroup": "4:cpu,memory:/a\n0::/\n",
      "/sys/fs/cgroup/memory/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    }),
    1,
  );
});

Deno.test("oomKills() returns the count of the container, or of the machine, when the group is not visible", () => {
  const cgroup = { "/proc/self/cgroup": "0::/host/path\n" };
  assert.equal(killsWith({ ...cgroup, "/sys/fs/cgroup/memory.events": "oom 5\noom_kill 4\n" }), 4);
  assert.equal(killsWith({ ...cgroup, "/proc/vmstat": "pgfault 1\noom_kill 3\n" }), 3);
  assert.equal(killsWith({ "/proc/self/cgroup": "4:memory:/\n", "/proc/vmstat": "oom_kill 3\n" }), 3);
  assert.equal(killsWith({}), undefined);
});
