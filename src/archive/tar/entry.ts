/** What an archive's entry is. */

/** One entry of a tar archive. */
export interface TarEntry {
  /** As it is written in the archive, in UTF-8. */
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
  /** Bytes of content; 0 for what is no file. */
  readonly size: number;
  /** Permissions, with setuid, setgid and sticky bits. */
  readonly mode: number;
  /** In seconds since 1970. */
  readonly mtime: number;
  /** Where a link points, as it is written; empty for what is no link. */
  readonly target: string;
}

/** Headers, and content, are filled up to a multiple of it (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const TAR_BLOCK = 512;

/** Zeros between the end of `size` bytes and the next header. */
export function paddingOf(size: number): number {
  return (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}
