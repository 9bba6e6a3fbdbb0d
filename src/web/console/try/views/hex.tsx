/** Shows the bytes of an answer in hexadecimal, with the characters that they are in ASCII. */

/** How many bytes are shown, 16 a line. */
const MAX_BYTES = 4096;
const WIDTH = 16;

/** The first bytes of an answer, with their offsets. */
export function HexView({ chunks }: { chunks: readonly Uint8Array<ArrayBuffer>[] }) {
  const bytes = firstBytes(chunks);
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += WIDTH) {
    const line = [...bytes.subarray(offset, offset + WIDTH)];
    const hex = line.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(WIDTH * 3);
    const text = line.map((byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·").join("");
    lines.push(`${offset.toString(16).padStart(6, "0")}  ${hex} ${text}`);
  }
  const size = chunks.reduce((sum, { length }) => sum + length, 0);
  return (
    <>
      <pre class="hex" tabindex={0}>{lines.join("\n")}</pre>
      {size > MAX_BYTES && <p class="note">These are the first {MAX_BYTES} bytes. Download has all of them.</p>}
    </>
  );
}

function firstBytes(chunks: readonly Uint8Array<ArrayBuffer>[]): Uint8Array {
  const bytes = new Uint8Array(MAX_BYTES);
  let length = 0;
  for (const chunk of chunks) {
    const part = chunk.subarray(0, MAX_BYTES - length);
    bytes.set(part, length);
    length += part.length;
    if (length === MAX_BYTES) break;
  }
  return bytes.subarray(0, length);
}
