/** The form of a decoded entry, and the size of tar's blocks. */

/** One entry of a tar archive. */
export interface TarEntry {
  /** As the archive has it, unchecked. */
  readonly path: string;
  readonly kind:
    | "file"
    | "directory"
    | "symlink"
    | "hardlink"
    | "device"
    | "FIFO"
    | "sparse file"
    | "multi-volume file";
  /** The content's size in bytes; 0 for anything but a file. */
  readonly size: number;
  /** The permissions, with the setuid, setgid and sticky bits. */
  readonly mode: number;
  /** In seconds since 1970. */
  readonly mtime: number;
  /** A link's target as the archive has it; otherwise empty. */
  readonly target: string;
}

/** Headers and content are padded to multiples of this, in bytes (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const TAR_BLOCK = 512;

/** The number of zeros between a content of `size` bytes and the next header. */
export function paddingOf(size: number): number {
  return (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}
