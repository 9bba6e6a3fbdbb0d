/**
 * Memory that this process and its workers map: an anonymous file (memfd_create(2)), which a worker opens as `/proc/PID/fd/N`.
 *
 * Deno can't map memory, so the C library does it. Wherever a call is missing or refused, there is no shared memory, and bodies take
 * another way.
 */

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, F_SEAL_SHRINK and F_SEAL_GROW: a mapped file that becomes shorter would kill whoever reads beyond its new end. */
const SEALS = 1 | 2 | 4;
const PROT_READ_WRITE = 1 | 2;
const MAP_SHARED_NORESERVE = 0x1 | 0x4000;
const MAP_FAILED = 2n ** 64n - 1n;
const MADV_REMOVE = 9;
const RLIMIT_FSIZE = 1;
const RLIM_INFINITY = 2n ** 64n - 1n;

/** Opens the C library. @throws {Error} if the system has none with these functions */
function open() {
  return Deno.dlopen("libc.so.6", {
    close: { parameters: ["i32"], result: "i32" },
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
    ftruncate: { parameters: ["i32", "i64"], result: "i32" },
    getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
    madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
    memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
    mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
    munmap: { parameters: ["pointer", "usize"], result: "i32" },
  });
}

type Libc = ReturnType<typeof open>["symbols"];

/** The C library, which stays open; undefined if this system can't share memory. */
let library: Libc | undefined | "unknown" = "unknown";

function libc(): Libc | undefined {
  if (library !== "unknown") return library;
  library = undefined;
  try {
    // With strict accounting, a page of a mapped file may be refused when it is first used, which kills the process.
    if (Deno.readTextFileSync("/proc/sys/vm/overcommit_memory").trim() === "2") return undefined;
    const { symbols } = open();
    const limits = new BigUint64Array(2);
    // A file that grows beyond this limit ends the process by a signal.
    const unlimited = symbols.getrlimit(RLIMIT_FSIZE, limits) === 0 && limits[0] === RLIM_INFINITY;
    if (unlimited) library = symbols;
  } catch {
    // There is no glibc, or no /proc.
  }
  return library;
}

/** A range of shared memory. It takes address space only; the kernel adds a page when somebody first writes to it. */
export class SharedMemory implements Disposable {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #start: NonNullable<Deno.PointerValue>;
  readonly #length: number;
  /** Where processes of this user open the file, as long as this process has it. */
  readonly path: string;
  /** Identifies the file: `path` may lead elsewhere for a process with another `/proc`. */
  readonly inode: number;
  #mapped = true;

  private constructor(libc: Libc, fd: number, start: NonNullable<Deno.PointerValue>, length: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#start = start;
    this.#length = length;
    this.path = `/proc/${Deno.pid}/fd/${fd}`;
    this.inode = Deno.statSync(this.path).ino!;
  }

  /** Maps `length` bytes of zeros; returns undefined where memory can't be shared. */
  static create(length: number): SharedMemory | undefined {
    const c = libc();
    if (c === undefined) return undefined;
    const fd = c.memfd_create(new TextEncoder().encode("aimodellib\0"), MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return undefined;
    if (c.ftruncate(fd, BigInt(length)) === 0 && c.fcntl(fd, F_ADD_SEALS, SEALS) === 0) {
      const start = c.mmap(null, BigInt(length), PROT_READ_WRITE, MAP_SHARED_NORESERVE, fd, 0n);
      if (start !== null && Deno.UnsafePointer.value(start) !== MAP_FAILED) {
        try {
          return new SharedMemory(c, fd, start, length);
        } catch {
          // There is no /proc, through which a worker would open the file.
          c.munmap(start, BigInt(length));
        }
      }
    }
    c.close(fd);
    return undefined;
  }

  /**
   * The bytes from `offset` on, in a buffer of their own. Whoever detaches the buffer (`ArrayBuffer.transfer(0)`) makes sure that nobody
   * uses them through it any more; the memory stays.
   *
   * @throws {RangeError} if they are not within the memory, or it is disposed
   */
  view(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(offset, length);
    return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(this.#at(offset), length));
  }

  /** Gives whole pages back to the system; their content is lost, and reads as zeros. */
  discard(offset: number, length: number): void {
    this.#check(offset, length);
    this.#libc.madvise(this.#at(offset), BigInt(length), MADV_REMOVE);
  }

  #at(offset: number): NonNullable<Deno.PointerValue> {
    return Deno.UnsafePointer.offset(this.#start, offset)!;
  }

  #check(offset: number, length: number): void {
    if (!this.#mapped || offset < 0 || length < 0 || offset + length > this.#length) {
      throw new RangeError(`Bytes ${offset} to ${offset + length} are not within the shared memory`);
    }
  }

  /** Unmaps the memory. Before that, all buffers of {@linkcode view} must have been detached: another use of one ends the process. */
  [Symbol.dispose](): void {
    if (!this.#mapped) return;
    this.#mapped = false;
    this.#libc.munmap(this.#start, BigInt(this.#length));
    this.#libc.close(this.#fd);
  }
}
