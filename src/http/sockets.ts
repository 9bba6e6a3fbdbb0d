/**
 * What the system knows of this process's sockets: which are connections to a server of ours, and what comes and goes there.
 *
 * Deno's server says nothing of a connection before a whole request has come, and can't close one. So the file descriptors
 * are asked, with functions of the C library: getsockname(2), getsockopt(2), and `struct tcp_info` of <linux/tcp.h>.
 */

/** Where a server listens: the port, or the path of a Unix socket. */
export type Local = number | string;

/** A connection to the server. Times are in ms, and precise to a few of them. */
export interface Connection {
  /** The file descriptor; another connection may have it later. */
  readonly fd: number;
  /** The client's port; 0 on a Unix socket. */
  readonly port: number;
  /** Bytes that came, ever. */
  readonly received: number;
  /** Pieces that were sent, ever; and bytes that the client has taken. */
  readonly sent: number;
  readonly taken: number;
  /** Whether there is something that the client has not taken. */
  readonly untaken: boolean;
  readonly sinceReceived: number;
  readonly sinceSent: number;
}

/** What was found. */
export interface SocketTable {
  /** Whether the server's socket still listens. */
  readonly listening: boolean;
  readonly connections: readonly Connection[];
  /** How many file descriptors are open, and how many may be. */
  readonly open: number;
  readonly limit: number;
}

/** Those of this process. */
export interface Sockets {
  /** Looks at all. */
  read(local: Local): SocketTable;
  /** Ends a connection; the server sees it as closed by the client. */
  end(fd: number): void;
}

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const F_GETFD = 1;
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const SHUT_RDWR = 2;
const RLIMIT_NOFILE = 7;

/** Bytes of `struct sockaddr_storage`, and more than there are in any `struct tcp_info`. */
const ADDRESS_BYTES = 128;
const INFO_BYTES = 512;

/** File descriptors are given out from the lowest on: behind so many that are free, none is looked for. */
const MAX_GAP = 1024;

/**
 * Opens the C library.
 *
 * @throws {Error} if there is no glibc
 */
export function openSockets(): Sockets & Disposable {
  const library = Deno.dlopen("libc.so.6", {
    fcntl: { parameters: ["i32", "i32"], result: "i32" },
    getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
    shutdown: { parameters: ["i32", "i32"], result: "i32" },
  });
  const libc = library.symbols;
  const address = new Uint8Array(ADDRESS_BYTES);
  const info = new Uint8Array(INFO_BYTES);
  const view = new DataView(info.buffer);
  const length = new Uint32Array(1);

  /** Where a socket is bound, or 0 if that is nowhere of interest. */
  const localOf = (fd: number): Local => {
    length[0] = ADDRESS_BYTES;
    return libc.getsockname(fd, address, length) === 0 ? parseAddress(address.subarray(0, length[0])) : 0;
  };
  const option = (fd: number, level: number, name: number): boolean => {
    info.fill(0);
    length[0] = INFO_BYTES;
    return libc.getsockopt(fd, level, name, info, length) === 0;
  };
  const connection = (fd: number): Connection => {
    length[0] = ADDRESS_BYTES;
    const peer = libc.getpeername(fd, address, length) === 0 ? parseAddress(address.subarray(0, length[0])) : 0;
    // All zero on a Unix socket.
    option(fd, IPPROTO_TCP, TCP_INFO);
    const u32 = (offset: number) => view.getUint32(offset, true);
    return {
      fd,
      port: typeof peer === "number" ? peer : 0,
      received: Number(view.getBigUint64(128, true)),
      sent: u32(156),
      taken: Number(view.getBigUint64(120, true)),
      untaken: u32(24) > 0 || u32(144) > 0,
      sinceReceived: u32(52),
      sinceSent: u32(44),
    };
  };

  return {
    read(local) {
      const connections: Connection[] = [];
      let [listening, open] = [false, 0];
      for (let fd = 0, gap = 0; gap <= MAX_GAP; fd++) {
        if (libc.fcntl(fd, F_GETFD) < 0) {
          gap++;
          continue;
        }
        open++;
        gap = 0;
        if (localOf(fd) !== local) continue;
        if (option(fd, SOL_SOCKET, SO_ACCEPTCONN) && view.getUint32(0, true) !== 0) listening = true;
        else connections.push(connection(fd));
      }
      libc.getrlimit(RLIMIT_NOFILE, info);
      return { listening, connections, open, limit: Number(view.getBigUint64(0, true)) };
    },
    end(fd) {
      libc.shutdown(fd, SHUT_RDWR);
    },
    [Symbol.dispose]: () => library.close(),
  };
}

/** Port or path in a `struct sockaddr`. */
function parseAddress(bytes: Uint8Array): Local {
  switch (bytes[0]! | (bytes[1]! << 8)) {
    case AF_INET:
    case AF_INET6:
      return (bytes[2]! << 8) | bytes[3]!;
    case AF_UNIX: {
      const end = bytes.indexOf(0, 2);
      return new TextDecoder().decode(bytes.subarray(2, end < 0 ? undefined : end));
    }
    default:
      return 0;
  }
}
