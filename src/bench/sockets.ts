/**
 * Sockets for a load test: Linux's own, with epoll(7), by calls of the C library. Through Deno's sockets, a request costs the client
 * two to three times as much CPU time, most of it on the way from the kernel to the promise.
 *
 * While all connections wait, the thread waits in epoll_wait(2), so timers and signals may be late by {@linkcode TURN_MS}. A load test with a
 * rate therefore uses Deno's sockets.
 */

import { setImmediate } from "node:timers";
import { isErrno, type Libc, openLibc } from "./libc.ts";
import { EPOLLIN, EPOLLOUT, EPOLLRDHUP, type Owner, Socket } from "./socket.ts";

/** The longest wait in the kernel, in ms, after which the event loop has a turn. */
const WAIT_MS = 1;

/** The longest time without a turn of the event loop while there is something to do, in ms. */
const TURN_MS = 5;

/** How many microtasks it may take until a connection that has ended is being replaced, before the event loop gets a turn. */
const MAX_HOPS = 100;

/** The most events of one epoll_wait(2). */
const MAX_EVENTS = 64;

/** The length of `struct epoll_event`, and where its data begins, in units of 32 bits. It is packed on x86-64 alone. */
const EVENT_WORDS = Deno.build.arch === "x86_64" ? 3 : 4;
const DATA_WORD = EVENT_WORDS - 2;

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

/** All sockets of a load test. */
export class Sockets implements Disposable, Owner {
  readonly #libc: Libc;
  readonly #address: Uint8Array<ArrayBuffer>;
  readonly #epoll: number;
  readonly #events = new Int32Array(MAX_EVENTS * EVENT_WORDS);
  readonly #open = new Map<number, Socket>();
  /** Sockets that have more to read than they may take in one turn. */
  #postponed = new Set<Socket>();
  #isRunning = false;
  /** When the event loop needs a turn, by `performance.now()`. */
  #turnAt = 0;
  listening = 0;

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
  async connect(): Promise<Socket> {
    const { symbols } = this.#libc;
    const family = this.#address[0]! | this.#address[1]! << 8;
    const fd = symbols.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw this.#libc.error();
    const socket = new Socket(this, this.#libc, fd);
    const isConnected = symbols.connect(fd, this.#address, this.#address.length) === 0;
    if (!isConnected && !isErrno(this.#libc, "EINPROGRESS")) throw this.#failed(socket);
    symbols.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, new Uint8Array([1, 0, 0, 0]), 4);
    this.#add(fd, socket);
    if (!isConnected) {
      await new Promise<void>((resolve) => socket.listen(resolve));
      socket.listen(undefined);
      if (this.#open.get(fd) !== socket) throw new Deno.errors.Interrupted("The connection was closed");
      const reason = new Int32Array(1);
      symbols.getsockopt(fd, SOL_SOCKET, SO_ERROR, new Uint8Array(reason.buffer), new Uint8Array([4, 0, 0, 0]));
      if (reason[0] !== 0) throw this.#failed(socket, reason[0]);
    }
    return socket;
  }

  /** Closes a socket that can't be connected. @returns the reason: an errno(3), or that of the last call */
  #failed(socket: Socket, errno?: number): Error {
    const error = this.#libc.error(errno);
    socket.close();
    return error;
  }

  #add(fd: number, socket: Socket): void {
    const event = new Int32Array(EVENT_WORDS);
    event[0] = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event[DATA_WORD] = fd;
    if (this.#libc.symbols.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, event) !== 0) throw this.#failed(socket);
    this.#open.set(fd, socket);
    if (!this.#isRunning) void this.#run();
  }

  remove(fd: number): void {
    this.#open.delete(fd);
  }

  postpone(socket: Socket): void {
    this.#postponed.add(socket);
  }

  /** Waits for the kernel, and wakes sockets, as long as there are any. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#open.size > 0) {
      // A microtask is much cheaper than a turn of the event loop.
      for (let hops = 0; this.listening < this.#open.size && hops < MAX_HOPS; hops++) await undefined;
      if (this.listening < this.#open.size || performance.now() >= this.#turnAt) {
        await new Promise<void>((resolve) => setImmediate(() => resolve()));
        this.#turnAt = performance.now() + TURN_MS;
      }
      this.#poll();
    }
    this.#isRunning = false;
  }

  /** Wakes sockets until something is left to do that needs a promise or the event loop. */
  #poll(): void {
    while (this.#open.size > 0) {
      const waitMs = this.#postponed.size === 0 ? WAIT_MS : 0;
      const count = this.#libc.symbols.epoll_wait(this.#epoll, this.#events, MAX_EVENTS, waitMs);
      for (let at = 0; at < count; at++) {
        const event = at * EVENT_WORDS;
        this.#open.get(this.#events[event + DATA_WORD]!)?.wake(this.#events[event]!);
      }
      if (waitMs === 0) {
        const postponed = this.#postponed;
        this.#postponed = new Set();
        for (const socket of postponed) socket.wake(0);
      } else if (count === 0) this.#turnAt = 0;
      // Sockets without a listener have nothing to send until a promise settles, a timer fires, or the test ends.
      if (this.listening < this.#open.size || performance.now() >= this.#turnAt) return;
    }
  }

  [Symbol.dispose](): void {
    for (const socket of [...this.#open.values()]) socket.close();
    this.#libc.symbols.close(this.#epoll);
    this.#libc.close();
  }
}
