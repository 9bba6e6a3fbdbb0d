/** Temporary directories that tests remove at their end. */

// Tests check the permissions of files that they create.
Deno.umask(0o022);

/** An empty directory, removed when disposed. */
export class TempDir implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "aimodellib-unit-" });

  /** Writes a file, and creates its parent folders. */
  write(name: string, content: string | Uint8Array = "", mode = 0o644): string {
    const path = `${this.path}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
    Deno.chmodSync(path, mode);
    return path;
  }

  /** Creates a folder in this directory. */
  folder(name: string): string {
    const path = `${this.path}/${name}`;
    Deno.mkdirSync(path, { recursive: true });
    return path;
  }

  /** Lists the names in this directory, or in one of its folders. */
  list(name = ""): string[] {
    return [...Deno.readDirSync(`${this.path}/${name}`)].map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
