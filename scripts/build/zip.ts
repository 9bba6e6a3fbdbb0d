/** Extracts one file from a ZIP archive: a wheel, or a release of Deno. */

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const STORED = 0;
const DEFLATED = 8;

/**
 * Extracts the file whose path ends with `suffix`.
 *
 * @throws {TypeError} if the bytes are not a ZIP archive of less than 4 GiB
 * @throws {RangeError} if no file, or more than one, has such a path
 */
export async function unzip(archive: Uint8Array<ArrayBuffer>, suffix: string): Promise<Uint8Array<ArrayBuffer>> {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const entries = readDirectory(archive, view);
  const [entry, second] = entries.filter(({ path }) => path.endsWith(suffix));
  if (entry === undefined || second !== undefined) {
    throw new RangeError(
      `Expected one file *${suffix} in the archive, which has ${entries.map(({ path }) => path).join(", ")}`,
    );
  }
  // The name and the extra field of the local header have lengths of their own.
  const start = entry.offset + 30 + view.getUint16(entry.offset + 26, true) + view.getUint16(entry.offset + 28, true);
  const data = archive.subarray(start, start + entry.packedLength);
  const content = entry.method === STORED ? data : await inflate(data);
  if (content.length !== entry.length) {
    throw new TypeError(`'${entry.path}' has ${content.length} bytes where the archive says ${entry.length}`);
  }
  return content;
}

interface Entry {
  readonly path: string;
  readonly method: number;
  readonly packedLength: number;
  readonly length: number;
  readonly offset: number;
}

function readDirectory(archive: Uint8Array, view: DataView): readonly Entry[] {
  // Only a comment of at most 65,535 bytes may follow it.
  let end = archive.length - 22;
  const first = Math.max(0, end - 0xffff);
  while (end >= first && view.getUint32(end, true) !== END_OF_DIRECTORY) end--;
  if (end < first) throw new TypeError("It is not a ZIP archive, or is truncated");
  const entries: Entry[] = [];
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    if (view.getUint32(at, true) !== DIRECTORY_ENTRY) {
      throw new TypeError("The directory of the ZIP archive is damaged");
    }
    const method = view.getUint16(at + 10, true);
    const nameLength = view.getUint16(at + 28, true);
    const path = new TextDecoder().decode(archive.subarray(at + 46, at + 46 + nameLength));
    if (method !== STORED && method !== DEFLATED) {
      throw new TypeError(`'${path}' is packed by a method that is not known: ${method}`);
    }
    entries.push({
      path,
      method,
      packedLength: view.getUint32(at + 20, true),
      length: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

async function inflate(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
