/**
 * What Deno 2.6.10 does not do with a socket, done by the C library: the socket is looked for by its addresses among this process's file
 * descriptors. getsockname(2), getpeername(2), setsockopt(2), shutdown(2), sysconf(3).
 */

const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SHUT_RDWR = 2;
const SC_OPEN_MAX = 4;

/** The most descriptors that are looked at one by one. */
const MAX_DESCRIPTORS = 2 ** 20;

/** Bytes of `struct sockaddr_storage`. */
const ADDRESS_BYTES = 128;

/** The C library. @throws {Error} if there is no glibc */
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
 * Ends connections that wait for their clients to take something, or to go on with a handshake of TLS: Deno gives a socket up only when
 * its write or its handshake has ended, whoever closes it, and such a client could keep the descriptor for as long as it likes. On a Unix socket, whose clients have
 * no addresses, nothing is done.
 */
export function shutDown(conns: readonly Deno.Conn[]): void {
  const sought = new Set(conns.map(({ localAddr, remoteAddr }) => `${textOf(localAddr)} ${textOf(remoteAddr)}`));
  forEachSocket(sought, (fd, libc) => libc.shutdown(fd, SHUT_RDWR));
}

/**
 * Has the system send at once what a listener's connections write, as `Deno.TcpConn.setNoDelay()` does; connections with TLS have no
 * such method. Otherwise the end of an answer may wait for 40 ms until the client has acknowledged what is before it.
 */
export function setNoDelay({ addr }: Deno.Listener<Deno.Conn, Deno.Addr>): void {
  const on = new Int32Array([1]);
  // Linux hands the option on to what is accepted.
  forEachSocket(
    new Set([`${textOf(addr)} `]),
    (fd, libc) => libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, on, on.byteLength),
  );
}

/** Calls back with the sockets whose addresses, their own and the client's, are among those sought. */
function forEachSocket(sought: ReadonlySet<string>, callback: (fd: number, libc: Libc) => void): void {
  // On a Unix socket there are none.
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
    // There is no glibc: it is as Deno leaves it.
  } finally {
    library?.close();
  }
}

/** The numbers of all descriptors that are open; more if there is none left to look with. */
function openDescriptors(libc: Libc): readonly number[] {
  try {
    return Array.from(Deno.readDirSync("/proc/self/fd"), ({ name }) => Number(name));
  } catch {
    return Array.from({ length: Math.min(Number(libc.sysconf(SC_OPEN_MAX)), MAX_DESCRIPTORS) }, (_, fd) => fd);
  }
}

/** The text of a socket's address; empty if it has none of the Internet. */
function addressOf(ask: Libc["getpeername"], fd: number): string {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  const length = new Uint32Array([ADDRESS_BYTES]);
  if (ask(fd, bytes, length) !== 0) return "";
  const view = new DataView(bytes.buffer);
  const port = view.getUint16(2);
  // The family is in the machine's order, and all of these are little-endian.
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

/** The same of an address as Deno has it; those of TLS do not say their transport. */
function textOf(address: Deno.Addr): string {
  if (!("hostname" in address)) return "";
  const { hostname, port } = address;
  return `${hostname.includes(":") ? canonical(hostname) : hostname} ${port}`;
}

/** One text for one IPv6 address, however it is written. */
function canonical(address: string): string {
  return new URL(`http://[${address}]`).hostname;
}
