/** Encodes addresses of Unix sockets for the C library (unix(7)). */

/** The address family of Unix sockets. */
export const AF_UNIX = 1;

/** The longest path of a Unix socket, in bytes: `sun_path` holds 108, including the terminating NUL byte. */
export const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Makes a `struct sockaddr_un`; undefined if the name is too long.
 *
 * @param name a path, or an abstract name with any character in the place of its first byte, which is zero
 */
export function unixAddress(name: string, isAbstract = false): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length > MAX_SOCKET_PATH_BYTES) return undefined;
  // A path ends with a zero byte, and an abstract name begins with one.
  const address = new Uint8Array(2 + bytes.length + (isAbstract ? 0 : 1));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(bytes, 2);
  if (isAbstract) address[2] = 0;
  return address;
}
