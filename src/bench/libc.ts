/** The functions of the C library for sockets. */

/** The results of recv(2) and send(2) fit into 32 bits: a buffer is shorter than 2 GiB. */
const FUNCTIONS = {
  __errno_location: { parameters: [], result: "pointer" },
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
} as const;

/** Errors of errno(3) on Linux. */
const ERRORS = {
  EAGAIN: 11,
  EPIPE: 32,
  ECONNRESET: 104,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EINPROGRESS: 115,
} as const;

/** The opened C library, with its last error. */
export interface Libc {
  readonly symbols: Deno.DynamicLibrary<typeof FUNCTIONS>["symbols"];
  /** The error of the last call that failed on this thread, or of `errno`. */
  error(errno?: number): Error;
  errno(): number;
  close(): void;
}

/** Opens the library. Undefined without glibc. */
export function openLibc(): Libc | undefined {
  try {
    const library = Deno.dlopen("libc.so.6", FUNCTIONS);
    const { symbols } = library;
    const place = new Deno.UnsafePointerView(symbols.__errno_location()!);
    const errno = () => place.getInt32();
    return { symbols, errno, error: (number = errno()) => errorOf(number), close: () => library.close() };
  } catch {
    return undefined;
  }
}

/** Whether the last call failed with this error. */
export function isErrno(libc: Libc, name: keyof typeof ERRORS): boolean {
  return libc.errno() === ERRORS[name];
}

/** The error that Deno would throw. */
function errorOf(number: number): Error {
  switch (number) {
    case ERRORS.EPIPE:
      return new Deno.errors.BrokenPipe();
    case ERRORS.ECONNRESET:
      return new Deno.errors.ConnectionReset();
    case ERRORS.ECONNREFUSED:
      return new Deno.errors.ConnectionRefused();
    case ERRORS.ETIMEDOUT:
      return new Deno.errors.TimedOut("the server can't be reached: the connection timed out");
    default:
      return new Error(`error ${number} of the system (errno)`);
  }
}
