/** One connection of a load test, by calls of the C library. */

import { isErrno, type Libc } from "./libc.ts";

/** epoll(7): the socket can be read. */
export const EPOLLIN = 1;
/** epoll(7): the socket can be written. */
export const EPOLLOUT = 4;
const EPOLLERR = 8;
const EPOLLHUP = 0x10;
/** epoll(7): the other end has sent its last byte. */
export const EPOLLRDHUP = 0x2000;

const MSG_NOSIGNAL = 0x4000;

/** Whoever waits in the kernel for sockets, as these see it. */
export interface Owner {
  /** How many sockets have a listener. */
  listening: number;
  /** Forgets a socket that is being closed. */
  remove(fd: number): void;
  /** Wakes a socket after the others, although nothing has happened. */
  postpone(socket: Socket): void;
}

/** A socket that never blocks: it does what is possible at once, and calls a listener when more may be possible. */
export class Socket {
  readonly #owner: Owner;
  readonly #libc: Libc;
  readonly #fd: number;
  /** Whether a read may find something: events tell of changes alone. */
  #mayRead = false;
  /** Whether the other end has sent its last byte, or the connection has failed: every read says so. */
  #isLast = false;
  #listener: (() => void) | undefined;
  #isClosed = false;

  constructor(owner: Owner, libc: Libc, fd: number) {
    this.#owner = owner;
    this.#libc = libc;
    this.#fd = fd;
  }

  /**
   * Reads what has arrived.
   *
   * @returns the number of bytes read; 0 at the end of the stream; -1 if the read would block
   * @throws {Error} if the connection has failed, or was closed
   */
  read(buffer: Uint8Array): number {
    this.#checkOpen();
    if (!this.#mayRead) return -1;
    const received = this.#libc.symbols.recv(this.#fd, owned(buffer), BigInt(buffer.length), 0);
    // Less than the buffer holds is all there is.
    if (received < buffer.length && !this.#isLast) this.#mayRead = false;
    if (received < 0 && !isErrno(this.#libc, "EAGAIN")) throw this.#libc.error();
    return received;
  }

  /**
   * Writes as much as the kernel takes.
   *
   * @returns how many bytes; -1 if it takes none now
   * @throws {Error} if the connection has failed, or was closed
   */
  write(bytes: Uint8Array): number {
    this.#checkOpen();
    const sent = this.#libc.symbols.send(this.#fd, owned(bytes), BigInt(bytes.length), MSG_NOSIGNAL);
    if (sent < 0 && !isErrno(this.#libc, "EAGAIN")) throw this.#libc.error();
    return sent;
  }

  /**
   * Calls a function after each change: bytes have arrived, more can be written, the other end has sent its last byte, or the socket
   * was closed. The function is not called for bytes that arrived earlier: it must read until a read would block, or postpone the socket.
   *
   * @param listener undefined for none
   */
  listen(listener: (() => void) | undefined): void {
    this.#owner.listening += Number(listener !== undefined) - Number(this.#listener !== undefined);
    this.#listener = listener;
  }

  /** Calls the listener again when the other sockets have had their turn. */
  postpone(): void {
    this.#owner.postpone(this);
  }

  /** Closes the socket, which may be closed already. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#owner.remove(this.#fd);
    this.#libc.symbols.close(this.#fd);
    this.#listener?.();
    this.listen(undefined);
  }

  /** Takes what epoll(7) says about the socket. */
  wake(flags: number): void {
    if (flags & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) this.#isLast = true;
    if (this.#isLast || flags & EPOLLIN) this.#mayRead = true;
    this.#listener?.();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Deno.errors.Interrupted("The connection was closed");
  }
}

/** Nothing in a load test shares its memory with other threads, which the type can't say. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
