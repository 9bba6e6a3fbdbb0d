/**
 * Calls the C library for what Deno 2.6.10 can't do with a socket: shutdown(2) and setsockopt(2). Deno does not tell a socket's file
 * descriptor, so it is found by its addresses, with getsockname(2) and getpeername(2); sysconf(3) tells how many there can be.
 */

const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SHUT_RDWR = 2;
const SC_OPEN_MAX = 4;

/** The most descriptors that are tried one by one. */
const MAX_DESCRIPTORS = 2 ** 20;

/** Bytes of `struct sockaddr_storage`. */
const ADDRESS_BYTES = 128;

/** Opens the C library. @throws {Error} if the system has no glibc */
function open() {
  return Deno.dlopen("libc.so.6", {
    getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
    shutdown: { parameters: ["i32", "i32"], result: "i32" },
    sysconf: { parameters: ["i32"], result: "i64" },
  });
}

type Libc = ReturnType<typeof open>["symbols"];

/**
 * Shuts down connections that are stuck in a write or a TLS handshake. After `close()`, Deno keeps the socket until that write or
 * handshake ends, so the client could hold the descriptor forever. Connections on a Unix socket are left alone: their clients have no
 * addresses to find them by.
 */
export function shutDown(conns: readonly Deno.Conn[]): void {
  const sought = new Set(conns.map(({ localAddr, remoteAddr }) => `${textOf(localAddr)} ${textOf(remoteAddr)}`));
  forEachSocket(sought, (fd, libc) => libc.shutdown(fd, SHUT_RDWR));
}

/**
 * Sets TCP_NODELAY for all connections of a listener, like `Deno.TcpConn.setNoDelay()`, which TLS connections lack. Without it, the
 * end of an answer can wait 40 ms until the client has acknowledged what came before.
 */
export function setNoDelay({ addr }: Deno.Listener<Deno.Conn, Deno.Addr>): void {
  const on = new Int32Array([1]);
  // On Linux, accepted sockets inherit the option.
  forEachSocket(
    new Set([`${textOf(addr)} `]),
    (fd, libc) => libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, on, on.byteLength),
  );
}

/** Calls back with each socket whose local and remote address are among those sought. */
function forEachSocket(sought: ReadonlySet<string>, callback: (fd: number, libc: Libc) => void): void {
  // Unix sockets have no addresses to search for.
  if ([...sought].every((addresses) => addresses.startsWith(" "))) return;
  let library: ReturnType<typeof open> | undefined;
  try {
    library = open();
    const libc = library.symbols;
    for (const fd of openDescriptors(libc)) {
      const local = addressOf(libc.getsockname, fd);
      if (local !== "" && sought.has(`${local} ${addressOf(libc.getpeername, fd)}`)) callback(fd, libc);
    }
  } catch {
    // The system has no glibc, so sockets stay as Deno leaves them.
  } finally {
    library?.close();
  }
}

/** The numbers of all open descriptors; or all possible numbers, if no descriptor is free to read the directory. */
function openDescriptors(libc: Libc): readonly number[] {
  try {
    return Array.from(Deno.readDirSync("/proc/self/fd"), ({ name }) => Number(name));
  } catch {
    return Array.from({ length: Math.min(Number(libc.sysconf(SC_OPEN_MAX)), MAX_DESCRIPTORS) }, (_, fd) => fd);
  }
}

/** A socket's address as text; empty if it is neither IPv4 nor IPv6. */
function addressOf(ask: Libc["getpeername"], fd: number): string {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  const length = new Uint32Array([ADDRESS_BYTES]);
  if (ask(fd, bytes, length) !== 0) return "";
  const view = new DataView(bytes.buffer);
  const port = view.getUint16(2);
  // The family is in the machine's byte order, and all supported machines are little-endian.
  switch (view.getUint16(0, true)) {
    case AF_INET:
      return `${bytes.subarray(4, 8).join(".")} ${port}`;
    case AF_INET6: {
      const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i).toString(16));
      return `${canonical(groups.join(":"))} ${port}`;
    }
    default:
      return "";
  }
}

/** Deno's form of an address as the same text. It checks no transport, since TLS addresses do not name one. */
function textOf(address: Deno.Addr): string {
  if (!("hostname" in address)) return "";
  const { hostname, port } = address;
  return `${hostname.includes(":") ? canonical(hostname) : hostname} ${port}`;
}

/** The canonical text of an IPv6 address, which can be written in many ways. */
function canonical(address: string): string {
  return new URL(`http://[${address}]`).hostname;
}
