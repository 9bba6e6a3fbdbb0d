import assert from "node:assert/strict";
import { LogRecords, ModelRecord, type RecordPlace } from "../../../../src/cli/run/record_places.ts";
import { TempDir } from "../../helper/temp_dir.ts";

const START = "2026-01-31T12:00:00.000Z";
const STEM = "run.2026-01-31T12-00-00.000Z";

/** Writes the record of a run. */
function write(place: RecordPlace, id: string, more: { readonly start?: string; readonly end?: string } = {}): void {
  const record = { aimodellib: "0", id, start: START, ...more };
  place.write(record, new TextEncoder().encode(JSON.stringify(record)));
}

/** Returns the ids of records, and whether they have an end. */
function records(folder: TempDir): Record<string, string> {
  return Object.fromEntries(
    folder.list().map((name) => {
      const { id, end } = JSON.parse(Deno.readTextFileSync(`${folder.path}/${name}`));
      return [name, end === undefined ? id : `${id} ended`];
    }),
  );
}

Deno.test("LogRecords keeps the record of each run, and run.json is the newest one", () => {
  using folder = new TempDir();
  const [a, b, c] = [1, 2, 3].map(() => new LogRecords(folder.path)) as [LogRecords, LogRecords, LogRecords];
  write(a, "a");
  write(b, "b");
  write(c, "c", { start: "2026-01-31T12:00:01.000Z" });
  assert.deepEqual(records(folder), {
    [`${STEM}-2.json`]: "b",
    [`${STEM}.json`]: "a",
    "run.2026-01-31T12-00-01.000Z.json": "c",
    "run.json": "c",
  });
  write(c, "c", { start: "2026-01-31T12:00:01.000Z", end: "x" });
  write(a, "a", { end: "x" });
  assert.deepEqual(records(folder), {
    [`${STEM}-2.json`]: "b",
    [`${STEM}.json`]: "a ended",
    "run.2026-01-31T12-00-01.000Z.json": "c ended",
    "run.json": "c ended",
  });
});

Deno.test("LogRecords does not replace the run.json of a run that started later", () => {
  using folder = new TempDir();
  write(new LogRecords(folder.path), "later", { start: "2026-02-01T00:00:00.000Z" });
  write(new LogRecords(folder.path), "earlier");
  assert.deepEqual(records(folder)["run.json"], "later");
  assert.deepEqual(records(folder)[`${STEM}.json`], "earlier");
});

Deno.test("LogRecords renames a run.json that is a record, and keeps any other file of that name", () => {
  using folder = new TempDir();
  folder.write("run.json", JSON.stringify({ aimodellib: "0", id: "old", start: "2025-01-01T00:00:00.000Z" }));
  write(new LogRecords(folder.path), "a");
  assert.deepEqual(records(folder), {
    "run.2025-01-01T00-00-00.000Z.json": "old",
    [`${STEM}.json`]: "a",
    "run.json": "a",
  });
  using other = new TempDir();
  other.write("run.json", `{"id": "mine"}`);
  assert.throws(
    () => write(new LogRecords(other.path), "a"),
    /'.*\/run\.json' is not a record of aimodellib and stays/,
  );
  assert.deepEqual(records(other), { [`${STEM}.json`]: "a", "run.json": "mine" });
});

Deno.test("LogRecords creates the folder, and leaves no incomplete file if it can't write", () => {
  using folder = new TempDir();
  const inTheWay = folder.write("logs");
  const place = new LogRecords(`${folder.path}/logs`);
  assert.throws(() => write(place, "a"));
  assert.deepEqual(folder.list(), ["logs"]);
  Deno.removeSync(inTheWay);
  write(place, "a", { end: "x" });
  assert.deepEqual(folder.list("logs"), [`${STEM}.json`, "run.json"]);
});

Deno.test("ModelRecord holds the record of the run that started last, and keeps those of earlier runs that ended later", () => {
  using folder = new TempDir();
  const [a, b] = [new ModelRecord(folder.path), new ModelRecord(folder.path)];
  write(a, "a");
  assert.deepEqual(records(folder), { "run.json": "a" });
  write(b, "b");
  write(a, "a");
  assert.deepEqual(records(folder), { "run.json": "b" });
  write(a, "a", { end: "x" });
  write(b, "b", { end: "x" });
  assert.deepEqual(records(folder), { [`${STEM}.json`]: "a ended", "run.json": "b ended" });
  const c = new ModelRecord(folder.path);
  write(c, "c");
  write(c, "c", { end: "x" });
  assert.deepEqual(records(folder), { [`${STEM}.json`]: "a ended", "run.json": "c ended" });
});

Deno.test("ModelRecord does not replace a run.json that is not a record", () => {
  using folder = new TempDir();
  folder.write("run.json", `{"id": "mine"}`);
  assert.throws(() => write(new ModelRecord(folder.path), "a"), /is not a record of aimodellib and stays/);
  assert.deepEqual(records(folder), { "run.json": "mine" });
});
