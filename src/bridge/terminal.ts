/**
 * A pseudo-terminal for a script, which then prints as on the real one: with colours, its width, and moving progress bars. We read
 * what it prints. pty(7), openpty(3)
 */

const O_RDWR = 2;
const O_NOCTTY = 0o400;
const O_CLOEXEC = 0o2000000;
const TIOCSWINSZ = 0x5414n;
const POLLIN = 1;
/** Interval between two checks whether reading was stopped, in ms. */
const LOOK_MS = 100;
/** Size of the read buffer, in bytes; the kernel returns less at once. */
const READ_BYTES = 16 * 1024;
const PATH_BYTES = 64;

/** How large a terminal is, in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Receives what the script prints, as it arrives. */
type TerminalSink = (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;

/** Our side of a pseudo-terminal, from which we read what the script prints. */
export class Terminal implements Disposable {
  readonly #library: ReturnType<typeof openLibrary>;
  readonly #fd: number;
  #stopped = false;
  #reading: Promise<void> | undefined;
  #closed = false;

  private constructor(
    library: ReturnType<typeof openLibrary>,
    fd: number,
    /** Path of the device that the script opens. */
    readonly path: string,
  ) {
    this.#library = library;
    this.#fd = fd;
  }

  /** Opens a pseudo-terminal; undefined if the system has none. */
  static open(size: TerminalSize): Terminal | undefined {
    let library: ReturnType<typeof openLibrary>;
    try {
      library = openLibrary();
    } catch {
      // The system has no glibc, such as Alpine Linux.
      return undefined;
    }
    const { posix_openpt, grantpt, unlockpt, ptsname_r, close } = library.symbols;
    const fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    const name = new Uint8Array(PATH_BYTES);
    if (fd >= 0 && grantpt(fd) === 0 && unlockpt(fd) === 0 && ptsname_r(fd, name, BigInt(PATH_BYTES)) === 0) {
      const terminal = new Terminal(library, fd, new TextDecoder().decode(name.subarray(0, name.indexOf(0))));
      terminal.resize(size);
      return terminal;
    }
    if (fd >= 0) close(fd);
    library.close();
    return undefined;
  }

  /** Sets its size to that of the real terminal. */
  resize({ columns, rows }: TerminalSize): void {
    if (this.#closed) return;
    this.#library.symbols.ioctl(this.#fd, TIOCSWINSZ, Uint16Array.of(rows, columns, 0, 0));
  }

  /** Passes the terminal's output to the sink, and waits for the sink, until no process has the terminal open or {@linkcode stop} is called. */
  drain(sink: TerminalSink): Promise<void> {
    return this.#reading ??= this.#read(sink);
  }

  /** Ends {@linkcode drain}. */
  stop(): void {
    this.#stopped = true;
  }

  async #read(sink: TerminalSink): Promise<void> {
    const { poll, read } = this.#library.symbols;
    // struct pollfd: fd, events, revents.
    const asked = new DataView(new ArrayBuffer(8));
    asked.setInt32(0, this.#fd, true);
    asked.setInt16(4, POLLIN, true);
    const buffer = new Uint8Array(READ_BYTES);
    while (!this.#stopped) {
      // poll() runs in a thread that nobody can interrupt: it needs a limit.
      if (await poll(asked.buffer, 1n, LOOK_MS) <= 0) continue;
      const length = Number(read(this.#fd, buffer, BigInt(buffer.length)));
      // EIO: no process has it open any more.
      if (length <= 0) return;
      await sink(buffer.slice(0, length));
    }
  }

  /** Closes the terminal once {@linkcode drain} has returned. */
  [Symbol.dispose](): void {
    this.stop();
    const close = () => {
      this.#closed = true;
      this.#library.symbols.close(this.#fd);
      this.#library.close();
    };
    if (this.#reading === undefined) close();
    else this.#reading.then(close, close);
  }
}

/** Opens the C library. @throws {Error} if there is no glibc */
function openLibrary() {
  return Deno.dlopen("libc.so.6", {
    posix_openpt: { parameters: ["i32"], result: "i32" },
    grantpt: { parameters: ["i32"], result: "i32" },
    unlockpt: { parameters: ["i32"], result: "i32" },
    ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
    ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
    poll: { parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
    read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    close: { parameters: ["i32"], result: "i32" },
  });
}
