import assert from "node:assert/strict";
import { makeInPlace, makeTemporaryFolder, noticeOfPlace, temporaryPlace } from "../../../src/cache/temporary.ts";
import { fakeEnv } from "../helper/env.ts";
import { TempDir } from "../helper/temp_dir.ts";

const NOBODY = 65534;

/** Returns the folder in which a temporary one was created, and removes that. */
function placeOf(TMPDIR: string): string {
  const path = makeTemporaryFolder("test", fakeEnv({ TMPDIR }));
  assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o700);
  Deno.removeSync(path);
  return path.slice(0, path.lastIndexOf("/"));
}

/** Makes a folder that other users may write to. */
function shared(directory: TempDir, name: string, mode = 0o777): string {
  const path = directory.folder(name);
  Deno.chmodSync(path, mode);
  return path;
}

Deno.test("makeTemporaryFolder() takes TMPDIR if no other user can replace what is in it", () => {
  using directory = new TempDir();
  const own = directory.folder("own");
  const sticky = shared(directory, "sticky", 0o1777);
  Deno.symlinkSync(own, `${directory.path}/link`);
  assert.equal(placeOf(own), own);
  assert.equal(placeOf(sticky), sticky);
  assert.equal(placeOf(`${directory.path}/link`), own);
});

Deno.test("makeTemporaryFolder() leaves a TMPDIR that others may write to, or whose parent they may write to", () => {
  using directory = new TempDir();
  const open = shared(directory, "open");
  const within = directory.folder("open/own");
  Deno.symlinkSync(open, `${directory.path}/link`);
  for (const path of [open, within, `${directory.path}/link`, `${directory.path}/missing`, directory.write("file")]) {
    assert.equal(placeOf(path), "/tmp", path);
  }
  assert.deepEqual([directory.list("open"), directory.list("open/own")], [["own"], []]);
});

Deno.test("makeTemporaryFolder() leaves a TMPDIR of another user", { ignore: Deno.uid() !== 0 }, () => {
  using directory = new TempDir();
  for (const mode of [0o700, 0o755, 0o777, 0o1777]) {
    const path = shared(directory, `m${mode}`, mode);
    Deno.chownSync(path, NOBODY, NOBODY);
    assert.equal(placeOf(path), "/tmp");
    assert.equal(placeOf(directory.folder(`m${mode}/own`)), "/tmp");
  }
});

Deno.test("noticeOfPlace() says why TMPDIR is not used, and nothing when it is", () => {
  using directory = new TempDir();
  const open = shared(directory, "open");
  assert.equal(noticeOfPlace(fakeEnv({ TMPDIR: directory.path })), undefined);
  assert.equal(noticeOfPlace(fakeEnv()), undefined);
  assert.equal(
    noticeOfPlace(fakeEnv({ TMPDIR: open })),
    `TMPDIR is not used, since '${open}' may be written to by others: temporary folders are in '/tmp'. ` +
      "Set TMPDIR to a folder that only you can write to\n",
  );
  assert.equal(temporaryPlace(fakeEnv({ TMPDIR: open })), "/tmp");
});

/** Tries places until `can` accepts one; returns that place, or the reasons against all of them. */
function chosen(TMPDIR: string, can: (place: string) => Error | undefined, onlyPrivate = false): string {
  const make = (place: string) => {
    const error = can(place);
    if (error !== undefined) throw error;
    return place;
  };
  try {
    return makeInPlace(fakeEnv({ TMPDIR }), { content: "sockets", onlyPrivate }, make, (reasons) => new Error(reasons));
  } catch (error) {
    return (error as Error).message;
  }
}

const readOnly = () => new Error("Read-only file system (os error 30): mkdir '/x'");
const full = () => new Error("No space left on device (os error 28): mkdir '/x'");

Deno.test("makeInPlace() uses a place of others only if all private ones refuse, and never if it must not", () => {
  using directory = new TempDir();
  const open = shared(directory, "open");
  const only = (place: string) => place === open ? undefined : readOnly();
  assert.equal(chosen(open, only), open);
  assert.equal(
    chosen(open, only, true),
    "'/tmp': Read-only file system (os error 30); '/var/tmp': Read-only file system (os error 30); " +
      `'${open}' may be written to by others`,
  );
});

Deno.test("makeInPlace() does not move to a place of others when somebody fills the disk of a private one", () => {
  using directory = new TempDir();
  const open = shared(directory, "open");
  const why = chosen(open, (place) => place === open ? undefined : place === "/tmp" ? full() : readOnly());
  assert.match(why, /^'\/tmp': No space left on device \(os error 28\); .*'.*\/open' may be written to by others$/);
});
