/**
 * Makes one system call of the bridge in this process fail, do only a part of its work, or be the last one: calls on files, sockets and
 * processes.
 *
 * The last call simulates the death of this process: its sockets and files are closed, as the kernel would do, and all further calls fail.
 */

/** A recorded call. */
export interface Call {
  readonly name: string;
  /** Its number among the calls of that name, from 1 on. */
  readonly place: number;
  /** The lines of code on the stack. */
  readonly where: string;
}

/** The fault to inject. */
export interface DoorFault {
  /** The name of the call that fails. */
  readonly name: string;
  readonly place: number;
  readonly what: string;
}

type Method = (...args: never[]) => unknown;

const FAILURES: Readonly<Record<string, () => Error>> = {
  EPIPE: () => new Deno.errors.BrokenPipe("Broken pipe (os error 32)"),
  ECONNRESET: () => new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)"),
  ESRCH: () => new Deno.errors.NotFound("No such process (os error 3)"),
  EPERM: () => new Deno.errors.PermissionDenied("Operation not permitted (os error 1)"),
};

/** Intercepts calls from its construction until it is disposed. Only one can exist at a time. */
export class FaultyDoor implements Disposable {
  readonly calls: Call[] = [];
  readonly #fault: DoorFault | undefined;
  readonly #open = new Set<{ close(): void }>();
  readonly #undo: (() => void)[] = [];
  #dead = false;

  /** @param folder calls on files and sockets in this folder are intercepted */
  constructor(folder: string, fault?: DoorFault) {
    this.#fault = fault;
    const inFolder = (path: unknown) => String(path).startsWith(folder);
    this.#replace(
      "makeTempDirSync",
      (call) => (options?: { dir?: string }) =>
        inFolder(options?.dir) ? this.#call("makeTempDirSync", () => call(options)) : call(options),
    );
    for (const name of ["chmodSync", "removeSync"] as const) {
      this.#replace(
        name,
        (call) => (path: string, ...rest: unknown[]) =>
          /aimodellib-[^/]*$/.test(path) && inFolder(path)
            ? this.#call(name, () => call(path, ...rest))
            : call(path, ...rest),
      );
    }
    this.#replace(
      "openSync",
      (call) => (path: string, options: unknown) =>
        inFolder(path) ? this.#wrap(this.#call("openSync", () => call(path, options))) : call(path, options),
    );
    this.#replace(
      "listen",
      (call) => (options: { path?: string }) =>
        inFolder(options.path) ? this.#wrap(this.#call("listen", () => call(options))) : call(options),
    );
    this.#replace(
      "kill",
      (call) => (...args: unknown[]) => this.#dead ? undefined : this.#call("kill", () => call(...args)),
    );
    const { prototype } = Deno.Command;
    const spawn = prototype.spawn;
    prototype.spawn = ((door) =>
      function (this: Deno.Command) {
        return door.#call("spawn", () => spawn.call(this));
      })(this);
    this.#undo.push(() => prototype.spawn = spawn);
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo) undo();
  }

  #replace(
    name: "makeTempDirSync" | "chmodSync" | "removeSync" | "openSync" | "listen" | "kill",
    // deno-lint-ignore no-explicit-any -- functions of all kinds
    make: (call: any) => Method,
  ) {
    const original = Deno[name];
    Object.assign(Deno, { [name]: make(original) });
    this.#undo.push(() => Object.assign(Deno, { [name]: original }));
  }

  /** Makes a call, unless it is the one that fails. @param shorten does a part of the call's work */
  // deno-lint-ignore no-explicit-any -- of all kinds
  #call(name: string, make: () => any, shorten?: () => any): any {
    if (this.#dead) throw new Error(`${name} of a process that is dead`);
    const place = 1 + this.calls.filter((call) => call.name === name).length;
    this.calls.push({ name, place, where: this.#fault === undefined ? where() : "" });
    if (name !== this.#fault?.name || place !== this.#fault.place) return make();
    const { what } = this.#fault;
    if (what === "half") return shorten!();
    if (what === "death") {
      this.#dead = true;
      for (const each of this.#open) each.close();
    }
    throw FAILURES[what]?.() ?? new Error(`${what} (as this test demands)`);
  }

  /** A file, a connection or a listener whose calls are counted. */
  // deno-lint-ignore no-explicit-any -- of all kinds
  #wrap(target: any): any {
    if (this.#dead) target.close();
    else this.#open.add(target);
    const methods: Record<string, Method> = {
      close: () => {
        if (this.#open.delete(target) && !this.#dead) target.close();
      },
      accept: () => this.#later(async () => this.#wrap(await this.#call("accept", () => target.accept()))),
      read: (bytes: Uint8Array) =>
        this.#later(() => this.#call("read", () => target.read(bytes), () => target.read(bytes.subarray(0, 1)))),
      write: (bytes: Uint8Array) =>
        this.#later(() => this.#call("write", () => target.write(bytes), () => target.write(half(bytes)))),
      readSync: (bytes: Uint8Array) =>
        this.#call("readSync", () => target.readSync(bytes), () => target.readSync(half(bytes))),
      writeSync: (bytes: Uint8Array) =>
        this.#call("writeSync", () => target.writeSync(bytes), () => target.writeSync(half(bytes))),
    };
    return new Proxy(target, {
      get: (_, name) => {
        if (Object.hasOwn(methods, name)) return methods[String(name)];
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  async #later<T>(make: () => T | Promise<T>): Promise<T> {
    return await make();
  }
}

function half(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, Math.ceil(bytes.length / 2));
}

/** Returns the lines of our sources on the stack. */
function where(): string {
  const lines = new Error().stack!.split("\n").flatMap((line) => /src\/(\S+?:\d+):\d+/.exec(line)?.[1] ?? []);
  return lines.slice(0, 3).join("<");
}
