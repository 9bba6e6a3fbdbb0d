/** Directories that go away with the test that made them. */

// Tests look at the permissions of files that they make.
Deno.umask(0o022);

/** An empty directory, removed when disposed. */
export class TempDir implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "aimodellib-unit-" });

  /** Writes a file, and the folders that it is in. */
  write(name: string, content: string | Uint8Array = "", mode = 0o644): string {
    const path = `${this.path}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
    Deno.chmodSync(path, mode);
    return path;
  }

  /** Makes a folder. */
  folder(name: string): string {
    const path = `${this.path}/${name}`;
    Deno.mkdirSync(path, { recursive: true });
    return path;
  }

  /** The names of what is in it, or in one of its folders. */
  list(name = ""): string[] {
    return [...Deno.readDirSync(`${this.path}/${name}`)].map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
