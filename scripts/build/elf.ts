/** Reads the header of a Linux program (64-bit little-endian ELF): the machine that it is for, and where it ends. */
/** The fields of the header that the build uses. */
export interface ElfHeader {
  /** `e_machine`: 62 is x86-64, 183 is arm64. */
  readonly machine: number;
  /** The offset after the section headers, in bytes. A linker puts them last; anything after them was appended later. */
  readonly end: number;
}

/** The size of the header, in bytes. */
export const ELF_HEADER_LENGTH = 64;

const MAGIC = [0x7f, 0x45, 0x4c, 0x46, 2, /* 64 bits */ 1 /* little-endian */];

/**
 * Reads the header.
 *
 * @param path the program's name in an error
 * @throws {TypeError} if the bytes don't start a 64-bit little-endian ELF program
 */
export function readElfHeader(bytes: Uint8Array, path: string): ElfHeader {
  if (bytes.length < ELF_HEADER_LENGTH || !MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw new TypeError(`'${path}' is not a 64-bit Linux program`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sections = Number(view.getBigUint64(0x28, true)); // e_shoff
  const sectionLength = view.getUint16(0x3a, true); // e_shentsize
  const sectionCount = view.getUint16(0x3c, true); // e_shnum
  return { machine: view.getUint16(0x12, true), end: sections + sectionLength * sectionCount };
}
