/** Finds the oldest glibc with which a program runs. */

/** `sh_type` of the section that lists the versions that a program needs (Linux Standard Base, "Symbol Versioning"). */
const SHT_GNU_VERNEED = 0x6ffffffe;

/**
 * Finds the newest version of glibc that a program names.
 *
 * @param program a 64-bit little-endian ELF file
 * @returns major and minor number, such as `[2, 27]`
 * @throws {TypeError} if it names no version
 */
export function neededGlibc(program: Uint8Array): readonly [number, number] {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const number = (at: number) => Number(view.getBigUint64(at, true));
  const table = number(0x28); // e_shoff
  const size = view.getUint16(0x3a, true); // e_shentsize
  const section = (index: number) => table + index * size;
  let newest: readonly [number, number] | undefined;
  for (let index = 0; index < view.getUint16(0x3c, true); index++) { // e_shnum
    if (view.getUint32(section(index) + 4, true) !== SHT_GNU_VERNEED) continue;
    const strings = number(section(view.getUint32(section(index) + 0x28, true)) + 0x18); // sh_link, then sh_offset
    let need = number(section(index) + 0x18);
    for (let left = view.getUint32(section(index) + 0x2c, true); left > 0; left--) { // sh_info
      let version = need + view.getUint32(need + 8, true); // vn_aux
      for (let more = view.getUint16(need + 2, true); more > 0; more--) { // vn_cnt
        const name = textAt(program, strings + view.getUint32(version + 8, true)); // vna_name
        const [, major, minor] = /^GLIBC_(\d+)\.(\d+)/.exec(name) ?? [];
        const found = [Number(major), Number(minor)] as const;
        if (minor !== undefined && (newest === undefined || isNewer(found, newest))) newest = found;
        version += view.getUint32(version + 12, true); // vna_next
      }
      need += view.getUint32(need + 12, true); // vn_next
    }
  }
  if (newest === undefined) throw new TypeError("The program names no version of glibc");
  return newest;
}

function isNewer([major, minor]: readonly [number, number], than: readonly [number, number]): boolean {
  return major > than[0] || (major === than[0] && minor > than[1]);
}

function textAt(bytes: Uint8Array, start: number): string {
  return new TextDecoder().decode(bytes.subarray(start, bytes.indexOf(0, start)));
}
