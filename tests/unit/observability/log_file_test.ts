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

/** A log whose clock the test sets. */
class Log implements Disposable {
  readonly directory = new TempDir();
  now = new Date(2026, 0, 31, 23, 58, 7);
  readonly warnings: string[] = [];
  readonly #file: LogFile;

  constructor(options: Partial<LogFileOptions>) {
    const root = this.directory.path;
    const warn = (message: string) => void this.warnings.push(message);
    this.#file = new LogFile({ root, directory: "logs", format: "%H-%M.log", now: () => this.now, warn, ...options });
  }

  write(text: string): void {
    this.#file.write(bytes(text));
  }

  get path(): string {
    return this.#file.path.slice(this.directory.path.length + 1);
  }

  get content(): Record<string, string> {
    return content(this.directory.path);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
    this.directory[Symbol.dispose]();
  }
}

Deno.test("LogFile writes without delay, and creates the folders of its name", () => {
  using log = new Log({ directory: "./logs//deep", format: "%Y/%j/x.log" });
  assert.deepEqual(log.content, { "logs/deep/2026/031/x.log": "" });
  log.write("half");
  assert.deepEqual(log.content, { "logs/deep/2026/031/x.log": "half" });
});

Deno.test("LogFile appends to an existing file", () => {
  using directory = new TempDir();
  directory.write("logs/a.log", "old\n");
  using log = new LogFile({ root: directory.path, directory: "logs", format: "a.log" });
  log.write(bytes("new\n"));
  assert.equal(Deno.readTextFileSync(`${directory.path}/logs/a.log`), "old\nnew\n");
});

Deno.test("LogFile starts another file when the clock changes its name, and never within a line", () => {
  using log = new Log({});
  log.write("1\n2");
  log.now = new Date(2026, 0, 31, 23, 59, 0);
  log.write("2\n3");
  log.write("3\n4\n");
  log.now = new Date(2026, 1, 1, 0, 0, 0);
  log.write("5\n");
  assert.deepEqual(log.content, { "logs/00-00.log": "5\n", "logs/23-58.log": "1\n22\n", "logs/23-59.log": "33\n4\n" });
});

Deno.test("LogFile keeps the name from the run's start when its format contains the second", () => {
  using log = new Log({ format: "%Y-%m-%dT%H-%M-%S.log" });
  log.write("1\n");
  log.now = new Date(2026, 5, 1);
  log.write("2\n");
  assert.deepEqual(log.content, { "logs/2026-01-31T23-58-07.log": "1\n2\n" });
});

Deno.test("LogFile rotates a file that reaches the limit, and keeps a limited number", () => {
  using log = new Log({ maxBytes: 4, maxFiles: 3, format: "x" });
  for (const line of ["one\n", "two\n", "three\n", "four\n", "five"]) log.write(line);
  assert.deepEqual(log.content, { "logs/x": "five", "logs/x.1": "four\n", "logs/x.2": "three\n" });
});

Deno.test("LogFile keeps a limited number of files when the clock changes their names", () => {
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

Deno.test("LogFile refuses a folder that is a link to the outside of the root", () => {
  using directory = new TempDir();
  using outside = new TempDir();
  Deno.symlinkSync(outside.path, `${directory.path}/logs`);
  assert.throws(() => new LogFile({ root: directory.path, directory: "logs", format: "x" }), /through a link/);
  assert.deepEqual(content(outside.path), {});
});

Deno.test("LogFile starts another file before a line that does not fit, where a carriage return counts as the end of a line", () => {
  using lines = new Log({ maxBytes: 10, format: "x" });
  lines.write("1234\n5678\n90\nvery long line\n1\n");
  assert.deepEqual(lines.content, {
    "logs/x": "1\n",
    "logs/x.1": "very long line\n",
    "logs/x.2": "90\n",
    "logs/x.3": "1234\n5678\n",
  });
  using bar = new Log({ maxBytes: 10, maxFiles: 2, format: "x" });
  for (let i = 0; i < 100; i++) bar.write(`\r${i}%`);
  assert.deepEqual(bar.content, { "logs/x": "98%\r99%", "logs/x.1": "96%\r97%\r" });
});

for (const format of ["%Y-%m-%d.log", "%Y-%m-%dT%H-%M-%S.log", "a.b/log"]) {
  Deno.test(`LogFile uses a separate file for each concurrent run when its name is ${format}`, () => {
    using directory = new TempDir();
    const now = () => new Date(2026, 0, 31, 23, 58, 7);
    const open = () => new LogFile({ root: directory.path, directory: "logs", format, now });
    const runs = [open(), open(), open()];
    runs.forEach((run, i) => run.write(bytes(`run ${i}\n`)));
    const paths = runs.map(({ path }) => path.slice(directory.path.length + 1));
    assert.equal(new Set(paths).size, 3);
    const first = paths[0]!;
    assert.equal(paths[1], first.endsWith(".log") ? first.replace(/\.log$/, "-2.log") : `${first}-2`);
    assert.deepEqual(content(directory.path), Object.fromEntries(paths.map((path, i) => [path, `run ${i}\n`]).sort()));
    for (const run of runs) run[Symbol.dispose]();
    // A name with seconds belongs to one run; with a daily name, the next run continues the file.
    using later = open();
    later.write(bytes("later\n"));
    const path = later.path.slice(directory.path.length + 1);
    assert.equal(Deno.readTextFileSync(later.path), format.includes("%S") ? "later\n" : "run 0\nlater\n");
    assert.equal(path === first, !format.includes("%S"));
  });
}

Deno.test("LogFile rotates its files without touching those of another run", () => {
  using directory = new TempDir();
  const open = () => new LogFile({ root: directory.path, directory: ".", format: "x.log", maxBytes: 4 });
  using first = open();
  using second = open();
  for (const line of ["one\n", "two\n"]) {
    first.write(bytes(line));
    second.write(bytes(line.toUpperCase()));
  }
  assert.deepEqual(content(directory.path), {
    "x-2.log": "TWO\n",
    "x-2.log.1": "ONE\n",
    "x.log": "two\n",
    "x.log.1": "one\n",
  });
});

Deno.test("LogFile warns once when it can't be opened, and continues when it can", () => {
  using directory = new TempDir();
  const inTheWay = directory.write("logs");
  let now = new Date(2026, 0, 31);
  const warnings: string[] = [];
  using log = new LogFile({
    root: directory.path,
    directory: "logs",
    format: "x.log",
    now: () => now,
    warn: (message) => void warnings.push(message),
  });
  assert.equal(log.path, `${directory.path}/logs/x.log`);
  for (let i = 0; i < 10; i++) log.write(bytes("lost\n"));
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0]!,
    /^The log '.*\/logs\/x\.log' can't be written: .*; the run continues, and its log resumes/,
  );
  Deno.removeSync(inTheWay);
  log.write(bytes("lost\n"));
  now = new Date(now.getTime() + 1000);
  log.write(bytes("there\n"));
  assert.match(Deno.readTextFileSync(log.path), /^\[aimodellib: 55 bytes are missing here: .*\]\nthere\n$/);
});

Deno.test("LogFile continues in its current file when it can't start another", () => {
  using log = new Log({ format: "%M/x.log" });
  log.write("1\n");
  log.directory.write("logs/59");
  log.now = new Date(2026, 0, 31, 23, 59, 0);
  log.write("2\n");
  assert.deepEqual(log.content, { "logs/58/x.log": "1\n2\n", "logs/59": "" });
  assert.equal(log.warnings.length, 1);
});
