import assert from "node:assert/strict";
import { UsageError } from "../../../src/errors.ts";
import { LogFile, type LogFileOptions } from "../../../src/observability/log_file.ts";
import { TempDir } from "../helper/temp_dir.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** All files below a folder, with their content. */
function content(root: string, folder = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (
    const { name, isDirectory } of [...Deno.readDirSync(`${root}/${folder}`)].sort((a, b) => a.name < b.name ? -1 : 1)
  ) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) Object.assign(found, content(root, path));
    else found[path] = Deno.readTextFileSync(`${root}/${path}`);
  }
  return found;
}

/** A log of which the clock is set by hand. */
class Log implements Disposable {
  readonly directory = new TempDir();
  now = new Date(2026, 0, 31, 23, 58, 7);
  readonly #file: LogFile;

  constructor(options: Partial<LogFileOptions>) {
    const root = this.directory.path;
    this.#file = new LogFile({ root, directory: "logs", format: "%H-%M.log", now: () => this.now, ...options });
  }

  write(text: string): void {
    this.#file.write(bytes(text));
  }

  get content(): Record<string, string> {
    return content(this.directory.path);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
    this.directory[Symbol.dispose]();
  }
}

Deno.test("LogFile writes at once, to a name in folders that it makes", () => {
  using log = new Log({ directory: "./logs//deep", format: "%Y/%j/x.log" });
  assert.deepEqual(log.content, { "logs/deep/2026/031/x.log": "" });
  log.write("half");
  assert.deepEqual(log.content, { "logs/deep/2026/031/x.log": "half" });
});

Deno.test("LogFile goes on in a file that is there", () => {
  using directory = new TempDir();
  directory.write("logs/a.log", "old\n");
  using log = new LogFile({ root: directory.path, directory: "logs", format: "a.log" });
  log.write(bytes("new\n"));
  assert.equal(Deno.readTextFileSync(`${directory.path}/logs/a.log`), "old\nnew\n");
});

Deno.test("LogFile begins another file when the clock moves its name on, and never within a line", () => {
  using log = new Log({});
  log.write("1\n2");
  log.now = new Date(2026, 0, 31, 23, 59, 0);
  log.write("2\n3");
  log.write("3\n4\n");
  log.now = new Date(2026, 1, 1, 0, 0, 0);
  log.write("5\n");
  assert.deepEqual(log.content, { "logs/00-00.log": "5\n", "logs/23-58.log": "1\n22\n", "logs/23-59.log": "33\n4\n" });
});

Deno.test("LogFile keeps the name of a run's start when its format goes down to the second", () => {
  using log = new Log({ format: "%Y-%m-%dT%H-%M-%S.log" });
  log.write("1\n");
  log.now = new Date(2026, 5, 1);
  log.write("2\n");
  assert.deepEqual(log.content, { "logs/2026-01-31T23-58-07.log": "1\n2\n" });
});

Deno.test("LogFile sets a file aside that is too long, and keeps so many", () => {
  using log = new Log({ maxBytes: 4, maxFiles: 3, format: "x" });
  for (const line of ["one\n", "two\n", "three\n", "four\n", "five"]) log.write(line);
  assert.deepEqual(log.content, { "logs/x": "five", "logs/x.1": "four\n", "logs/x.2": "three\n" });
});

Deno.test("LogFile keeps so many files when their names move on", () => {
  using log = new Log({ maxFiles: 2, format: "%M" });
  for (const minute of [1, 2, 3]) {
    log.now = new Date(2026, 0, 1, 0, minute);
    log.write(`${minute}\n`);
  }
  assert.deepEqual(log.content, { "logs/02": "2\n", "logs/03": "3\n" });
});

for (const format of ["../x.log", "a/../../x.log", "/etc/x.log", "", "a/", "%Y/../../../x"]) {
  Deno.test(`LogFile refuses the name '${format}'`, () => {
    using directory = new TempDir();
    assert.throws(() => new LogFile({ root: directory.path, directory: "logs", format }), UsageError);
    assert.deepEqual(content(directory.path), {});
  });
}

Deno.test("LogFile refuses a folder that is a link out of the root", () => {
  using directory = new TempDir();
  using outside = new TempDir();
  Deno.symlinkSync(outside.path, `${directory.path}/logs`);
  assert.throws(() => new LogFile({ root: directory.path, directory: "logs", format: "x" }), /through a link/);
  assert.deepEqual(content(outside.path), {});
});
