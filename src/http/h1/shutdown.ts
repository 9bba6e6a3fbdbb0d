/**
 * Ending a connection that waits for its client to take something: Deno 2.6.10 gives a socket up only when its write has ended, whoever
 * closes it, and a client that takes nothing could so keep descriptor and answer for as long as it likes.
 *
 * The socket is looked for by its addresses, and shut down by the C library: getsockname(2), getpeername(2), shutdown(2).
 */

const AF_INET = 2;
const AF_INET6 = 10;
const SHUT_RDWR = 2;

/** Bytes of `struct sockaddr_storage`. */
const ADDRESS_BYTES = 128;

/** The C library. @throws {Error} if there is no glibc */
function open() {
  return Deno.dlopen("libc.so.6", {
    getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    shutdown: { parameters: ["i32", "i32"], result: "i32" },
  });
}

type AskForAddress = ReturnType<typeof open>["symbols"]["getpeername"];

/** Ends the connection between two addresses, if it is one of this process. On a Unix socket, whose clients have none, nothing is done. */
export function shutDown({ localAddr, remoteAddr }: Deno.Conn): void {
  if (remoteAddr.transport !== "tcp" || localAddr.transport !== "tcp") return;
  let library: ReturnType<typeof open> | undefined;
  try {
    library = open();
    const { getpeername, getsockname, shutdown } = library.symbols;
    const [local, remote] = [textOf(localAddr), textOf(remoteAddr)];
    for (const { name } of Deno.readDirSync("/proc/self/fd")) {
      const fd = Number(name);
      if (addressOf(getpeername, fd) === remote && addressOf(getsockname, fd) === local) shutdown(fd, SHUT_RDWR);
    }
  } catch {
    // There is no glibc, or no descriptor to look with: the client ends it some time.
  } finally {
    library?.close();
  }
}

/** The text of a socket's address; empty if it has none of the Internet. */
function addressOf(ask: AskForAddress, fd: number): string {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  const length = new Uint32Array([ADDRESS_BYTES]);
  if (ask(fd, bytes, length) !== 0) return "";
  const view = new DataView(bytes.buffer);
  const port = view.getUint16(2);
  // The family is in the machine's order, and all of these are little-endian.
  switch (view.getUint16(0, true)) {
    case AF_INET:
      return textOf({ hostname: bytes.subarray(4, 8).join("."), port });
    case AF_INET6: {
      const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i).toString(16));
      return textOf({ hostname: groups.join(":"), port });
    }
    default:
      return "";
  }
}

/** One text for one address, however it is written. */
function textOf({ hostname, port }: { readonly hostname: string; readonly port: number }): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${new URL(`http://${host}`).hostname} ${port}`;
}
