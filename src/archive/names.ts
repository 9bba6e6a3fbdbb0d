/**
 * Lists names that are not UTF-8, which Deno omits from a folder's entries. The C library returns them: opendir(3), readdir(3).
 */

/** The offset of `d_name` in glibc's `struct dirent64`, on x86-64 and arm64. */
const NAME_OFFSET = 19;
/** And `d_reclen`, the size of the entry in bytes. */
const SIZE_OFFSET = 16;
/** The longest name, with its NUL byte and the padding of the entry, has fewer bytes. */
const MAX_NAME_BYTES = 512;

/** Lists names that are not UTF-8, with `\xNN` for each byte that is not ASCII. Without glibc it finds none. */
export class HiddenNames implements Disposable {
  readonly #library = open();

  /** The names in a folder that are not UTF-8, sorted. @param folder its path */
  in(folder: string): string[] {
    const names: string[] = [];
    if (this.#library === undefined) return names;
    const { opendir, readdir64, closedir } = this.#library.symbols;
    const stream = opendir(new TextEncoder().encode(`${folder}\0`));
    if (stream === null) return names;
    const space = new Uint8Array(MAX_NAME_BYTES);
    try {
      for (let entry = readdir64(stream); entry !== null; entry = readdir64(stream)) {
        const view = new Deno.UnsafePointerView(entry);
        const bytes = space.subarray(0, view.getUint16(SIZE_OFFSET) - NAME_OFFSET);
        view.copyInto(bytes, NAME_OFFSET);
        const name = bytes.subarray(0, bytes.indexOf(0));
        if (!isUtf8(name)) names.push(escaped(name));
      }
    } finally {
      closedir(stream);
    }
    return names.sort();
  }

  [Symbol.dispose](): void {
    this.#library?.close();
  }
}

function open() {
  try {
    return Deno.dlopen("libc.so.6", {
      opendir: { parameters: ["buffer"], result: "pointer" },
      readdir64: { parameters: ["pointer"], result: "pointer" },
      closedir: { parameters: ["pointer"], result: "i32" },
    });
  } catch {
    return undefined;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isUtf8(bytes: Uint8Array): boolean {
  if (bytes.every((byte) => byte < 0x80)) return true;
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function escaped(bytes: Uint8Array): string {
  return Array.from(
    bytes,
    (byte) => byte < 0x20 || byte >= 0x7f ? `\\x${byte.toString(16).padStart(2, "0")}` : String.fromCharCode(byte),
  ).join("");
}
