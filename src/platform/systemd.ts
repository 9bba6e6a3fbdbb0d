/**
 * Tells a service manager such as systemd how this process is doing: sd_notify(3). Messages are datagrams to the Unix socket that
 * NOTIFY_SOCKET names. Deno can send datagrams only from a socket with a path of its own, and not to abstract names, so this
 * module calls the C library.
 */

import { getLogger } from "@logtape/logtape";
import { AF_UNIX, unixAddress } from "../unix_address.ts";

const log = getLogger(["aimodellib", "serve"]);

const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const CLOCK_MONOTONIC = 1;

/** The pause before a message is sent again that the receiver could not take, in ms, and how often it is tried. */
const RETRY_MS = 100;
const TRIES = 50;

/** Variables for this process alone: a child process that notified the service manager would speak for this one. */
const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/** The socket's address and the watchdog's limit, as the service manager has set them. */
export interface NotifySettings {
  readonly socket: string;
  /** How long this process may send nothing, in ms; undefined without a limit. */
  readonly watchdogMs: number | undefined;
}

/** Reads the settings, and removes their variables from the environment of child processes. Undefined without a service manager. */
export function takeNotifySettings(env: (name: string) => string | undefined): NotifySettings | undefined {
  const [socket, limit, pid] = [env("NOTIFY_SOCKET"), env("WATCHDOG_USEC"), env("WATCHDOG_PID")];
  for (const name of VARIABLES) if (env(name) !== undefined) Deno.env.delete(name);
  if (!socket) return undefined;
  const isOurs = pid === undefined || pid === String(Deno.pid);
  const microseconds = isOurs && /^\d{1,15}$/.test(limit ?? "") ? Number(limit) : 0;
  return { socket, watchdogMs: microseconds > 0 ? microseconds / 1000 : undefined };
}

/** The connection with the service manager, until it is disposed. A message that can't be sent ends nothing: a warning says so once. */
export class ServiceManager implements Disposable {
  readonly #socket: string;
  readonly #libc = openLibc();
  readonly #descriptor: number;
  readonly #address: Uint8Array<ArrayBuffer> | undefined;
  readonly #watchdog: ReturnType<typeof setInterval> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Messages that the receiver could not take yet. */
  #waiting: string[] = [];
  #failures = 0;
  #warned = false;
  #ready = false;
  #reloads = 0;
  #status = "";

  constructor({ socket, watchdogMs }: NotifySettings) {
    this.#socket = socket;
    this.#address = addressOf(socket);
    this.#descriptor = this.#libc?.symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) ?? -1;
    if (watchdogMs === undefined) return;
    // The timer shows that the event loop, which answers all requests, is not blocked.
    this.#watchdog = setInterval(() => this.#send("WATCHDOG=1"), watchdogMs / 2);
    this.#send("WATCHDOG=1");
  }

  /** Says that requests are answered, unless that was said already. */
  ready(): void {
    if (this.#ready) return;
    this.#ready = true;
    this.#send("READY=1");
  }

  /** Says what this process is doing, in words for an operator. */
  status(text: string): void {
    if (text === this.#status) return;
    this.#status = text;
    this.#send(`STATUS=${text.replaceAll("\n", " ")}`);
  }

  /** Says that a reload has begun, and when `done` has settled, that it has ended. Before {@linkcode ready}, it says nothing. */
  reloading(done: Promise<unknown>): void {
    if (!this.#ready) return;
    if (this.#reloads++ === 0) this.#send(`RELOADING=1\nMONOTONIC_USEC=${this.#microseconds()}`);
    const ended = () => {
      if (--this.#reloads === 0) this.#send("READY=1");
    };
    done.then(ended, ended);
  }

  /** Says that this process stops. */
  stopping(): void {
    this.#reloads = Infinity;
    this.#send("STOPPING=1");
  }

  /** Sends nothing more. */
  [Symbol.dispose](): void {
    clearInterval(this.#watchdog);
    clearTimeout(this.#retry);
    if (this.#descriptor >= 0) this.#libc?.symbols.close(this.#descriptor);
    this.#libc?.close();
  }

  #send(message: string): void {
    this.#waiting.push(message);
    if (this.#retry === undefined) this.#flush();
  }

  #flush(): void {
    this.#retry = undefined;
    while (this.#waiting.length > 0) {
      if (!this.#transmit(this.#waiting[0]!)) return this.#onFailure();
      this.#waiting.shift();
      this.#failures = 0;
    }
  }

  /** Keeps the messages for another try; gives up after some seconds. */
  #onFailure(): void {
    if (this.#address !== undefined && this.#failures++ < TRIES) {
      this.#retry = setTimeout(() => this.#flush(), RETRY_MS);
      Deno.unrefTimer(this.#retry);
      return;
    }
    this.#waiting = [];
    if (this.#warned) return;
    this.#warned = true;
    log.warn(`The service manager can't be notified at '${this.#socket}' (NOTIFY_SOCKET): it takes no message`);
  }

  #transmit(message: string): boolean {
    const address = this.#address;
    if (this.#libc === undefined || address === undefined || this.#descriptor < 0) return false;
    const bytes = new TextEncoder().encode(message);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const { sendto } = this.#libc.symbols;
    return Number(sendto(this.#descriptor, bytes, BigInt(bytes.length), flags, address, address.length)) >= 0;
  }

  /** The time of the clock that systemd compares with that of its SIGHUP. */
  #microseconds(): bigint {
    const time = new BigInt64Array(2);
    this.#libc?.symbols.clock_gettime(CLOCK_MONOTONIC, new Uint8Array(time.buffer));
    return time[0]! * 1_000_000n + time[1]! / 1_000n;
  }
}

/** The address of a path, or of an abstract name that begins with `@`; undefined if it is neither, or too long. */
function addressOf(socket: string): Uint8Array<ArrayBuffer> | undefined {
  const isAbstract = socket.startsWith("@");
  return isAbstract || socket.startsWith("/") ? unixAddress(socket, isAbstract) : undefined;
}

/** Opens the C library; undefined without glibc. */
function openLibc() {
  try {
    return Deno.dlopen("libc.so.6", {
      clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
      close: { parameters: ["i32"], result: "i32" },
      sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
      socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    });
  } catch {
    return undefined;
  }
}
