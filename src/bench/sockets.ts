/**
 * Sockets for a load test: Linux's own, with epoll(7), by calls of the C library. Through Deno's sockets, a request costs the client
 * two to three times as much CPU time, most of it on the way from the kernel to the promise.
 *
 * While all connections wait, the thread waits in epoll_wait(2), so timers and signals may be late by {@linkcode BLOCK_MS}. A load test with a
 * rate therefore uses Deno's sockets.
 */

import { setImmediate } from "node:timers";
import type { Stream } from "../client/connection.ts";
import { isErrno, type Libc, openLibc } from "./libc.ts";

/** The longest wait in the kernel, and the longest time without a turn of the event loop, in ms. */
const BLOCK_MS = 1;

/** How many microtasks a received answer may take until its connection waits again, before the event loop gets a turn. */
const MAX_HOPS = 100;

/** The most events of one epoll_wait(2). */
const MAX_EVENTS = 64;

/** `struct epoll_event` is packed on x86-64 alone. */
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const DATA_OFFSET = EVENT_BYTES - 8;

const EPOLLIN = 1;
const EPOLLOUT = 4;
const EPOLLERR = 8;
const EPOLLHUP = 0x10;
const EPOLLRDHUP = 0x2000;
const EPOLLET = 0x80000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CLOEXEC = 0o2000000;

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const MSG_NOSIGNAL = 0x4000;

/** Waits until a socket can be read or written. */
interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** All sockets of a load test. */
export class Sockets implements Disposable {
  readonly #libc: Libc;
  readonly #address: Uint8Array<ArrayBuffer>;
  readonly #epoll: number;
  readonly #events = new Uint8Array(MAX_EVENTS * EVENT_BYTES);
  readonly #view = new DataView(this.#events.buffer);
  readonly #open = new Map<number, Socket>();
  #isRunning = false;
  /** How many sockets wait for the kernel. */
  waiting = 0;

  private constructor(libc: Libc, address: Uint8Array<ArrayBuffer>, epoll: number) {
    this.#libc = libc;
    this.#address = address;
    this.#epoll = epoll;
  }

  /** Prepares connections to a `struct sockaddr`. Undefined where the C library is not glibc. */
  static to(address: Uint8Array<ArrayBuffer>): Sockets | undefined {
    const libc = openLibc();
    const epoll = libc?.symbols.epoll_create1(EPOLL_CLOEXEC) ?? -1;
    if (libc !== undefined && epoll >= 0) return new Sockets(libc, address, epoll);
    libc?.close();
    return undefined;
  }

  /** Connects one socket. @throws {Deno.errors.ConnectionRefused | Error} if the server can't be reached */
  async connect(): Promise<Stream> {
    const { symbols } = this.#libc;
    const family = this.#address[0]! | this.#address[1]! << 8;
    const fd = symbols.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw this.#libc.error();
    const socket = new Socket(this, this.#libc, fd);
    const isConnected = symbols.connect(fd, this.#address, this.#address.length) === 0;
    if (!isConnected && !isErrno(this.#libc, "EINPROGRESS")) throw socket.closed(this.#libc.error());
    symbols.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, new Uint8Array([1, 0, 0, 0]), 4);
    this.#add(fd, socket);
    if (!isConnected) {
      await socket.waitToWrite();
      const reason = new Int32Array(1);
      symbols.getsockopt(fd, SOL_SOCKET, SO_ERROR, new Uint8Array(reason.buffer), new Uint8Array([4, 0, 0, 0]));
      if (reason[0] !== 0) throw socket.closed(this.#libc.error(reason[0]));
    }
    return socket;
  }

  #add(fd: number, socket: Socket): void {
    const event = new Uint8Array(EVENT_BYTES);
    const view = new DataView(event.buffer);
    view.setUint32(0, (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) >>> 0, true);
    view.setInt32(DATA_OFFSET, fd, true);
    if (this.#libc.symbols.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, event) !== 0) {
      throw socket.closed(this.#libc.error());
    }
    this.#open.set(fd, socket);
    if (!this.#isRunning) void this.#run();
  }

  /** Removes a socket that is being closed. */
  remove(fd: number): void {
    this.#open.delete(fd);
  }

  /** Waits for the kernel and wakes sockets, as long as there are any. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    let turned = performance.now();
    while (this.#open.size > 0) {
      // A microtask is much cheaper than a turn of the event loop.
      for (let hops = 0; this.waiting < this.#open.size && hops < MAX_HOPS; hops++) await undefined;
      const all = this.waiting === this.#open.size;
      if (!all || performance.now() - turned >= BLOCK_MS) {
        await new Promise<void>((resolve) => setImmediate(() => resolve()));
        turned = performance.now();
      }
      if (this.#open.size === 0) break;
      // Sockets that still don't wait have nothing to send until a timer fires, or the test ends.
      const count = this.#libc.symbols.epoll_wait(this.#epoll, this.#events, MAX_EVENTS, BLOCK_MS);
      for (let at = 0; at < count; at++) {
        const flags = this.#view.getUint32(at * EVENT_BYTES, true);
        this.#open.get(this.#view.getInt32(at * EVENT_BYTES + DATA_OFFSET, true))?.wake(flags);
      }
    }
    this.#isRunning = false;
  }

  [Symbol.dispose](): void {
    for (const socket of [...this.#open.values()]) socket.close();
    this.#libc.symbols.close(this.#epoll);
    this.#libc.close();
  }
}

/** One connection, as far as a load test uses it. */
class Socket implements Stream {
  readonly #owner: Sockets;
  readonly #libc: Libc;
  readonly #fd: number;
  /** Whether a read may find something: events tell of changes alone. */
  #mayRead = false;
  /** Whether the other end has sent its last byte, or the connection has failed: every read says so. */
  #isLast = false;
  #reader: Waiter | undefined;
  #writer: Waiter | undefined;
  /** It can wait to read and to write at the same time. */
  #waits = 0;
  #isClosed = false;

  constructor(owner: Sockets, libc: Libc, fd: number) {
    this.#owner = owner;
    this.#libc = libc;
    this.#fd = fd;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#isClosed) throw new Deno.errors.Interrupted("The connection was closed");
      if (this.#mayRead) {
        const received = this.#libc.symbols.recv(this.#fd, owned(buffer), BigInt(buffer.length), 0);
        // Less than the buffer holds is all there is.
        if (received < buffer.length && !this.#isLast) this.#mayRead = false;
        if (received > 0) return received;
        if (received === 0) return null;
        if (!isErrno(this.#libc, "EAGAIN")) throw this.#libc.error();
      }
      await this.#wait((waiter) => this.#reader = waiter);
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    for (;;) {
      if (this.#isClosed) throw new Deno.errors.Interrupted("The connection was closed");
      const sent = this.#libc.symbols.send(this.#fd, owned(bytes), BigInt(bytes.length), MSG_NOSIGNAL);
      if (sent >= 0) return sent;
      if (!isErrno(this.#libc, "EAGAIN")) throw this.#libc.error();
      await this.waitToWrite();
    }
  }

  close(): void {
    this.closed(new Deno.errors.Interrupted("The connection was closed"));
  }

  /** Closes the socket. @returns the error for those who wait */
  closed(error: Error): Error {
    if (this.#isClosed) return error;
    this.#isClosed = true;
    this.#owner.remove(this.#fd);
    this.#libc.symbols.close(this.#fd);
    this.#reader?.reject(error);
    this.#writer?.reject(error);
    return error;
  }

  waitToWrite(): Promise<void> {
    return this.#wait((waiter) => this.#writer = waiter);
  }

  /** Takes what epoll(7) says about the socket. */
  wake(flags: number): void {
    if (flags & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) this.#isLast = true;
    if (this.#isLast || flags & EPOLLIN) {
      this.#mayRead = true;
      this.#reader?.resolve();
    }
    if (this.#isLast || flags & EPOLLOUT) this.#writer?.resolve();
  }

  #wait(set: (waiter: Waiter | undefined) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waits++ === 0) this.#owner.waiting++;
      const end = () => {
        if (--this.#waits === 0) this.#owner.waiting--;
        set(undefined);
      };
      set({
        resolve: () => {
          end();
          resolve();
        },
        reject: (error) => {
          end();
          reject(error);
        },
      });
    });
  }
}

/** Nothing in a load test shares its memory with other threads, which the type can't say. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
