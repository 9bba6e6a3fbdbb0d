/**
 * Removes secrets from the environment of this process.
 *
 * Unsetting a variable hides it from child processes only. The initial environment stays in memory, and Linux shows it in
 * `/proc/PID/environ` to all processes of the same user, including scripts: proc_pid_environ(5). Therefore it is overwritten there.
 */

import { startsWith } from "../../bytes.ts";

/** Variables that are removed when the program starts, because no child process needs them. */
const NAMES = ["AIMODELLIB_TOKEN", "AIMODELLIB_KEY_PASSWORD"] as const;

/** The name of an environment variable with a secret. */
export type SecretName = typeof NAMES[number];

/** The index of `env_start` in `/proc/self/stat`, counted from 0 after the program's name: proc_pid_stat(5). */
const ENV_START = 50 - 3;

/** A process whose initial environment contains a secret. */
export interface Holder {
  readonly pid: number;
  readonly name: string;
}

/** Removes the secrets from this process's environment and from `/proc/self/environ`, and returns their values. */
export function takeSecrets(): ReadonlyMap<SecretName, string> {
  const secrets = new Map<SecretName, string>();
  for (const name of NAMES) {
    const value = valueOf(name);
    if (value === undefined) continue;
    Deno.env.delete(name);
    secrets.set(name, value);
  }
  if (secrets.size > 0) {
    try {
      overwrite([...secrets.keys()]);
    } catch {
      // If the memory can't be overwritten, holdersOf() finds this process.
    }
  }
  return secrets;
}

/**
 * Finds the processes, including this one, whose initial environment shows the value of a secret, such as `docker-init`, which started
 * this one.
 */
export function holdersOf(name: SecretName, value: string): readonly Holder[] {
  const sought = new TextEncoder().encode(`${name}=${value}\0`);
  const holders: Holder[] = [];
  for (const pid of processes()) {
    try {
      if (indexOf(Deno.readFileSync(`/proc/${pid}/environ`), sought) < 0) continue;
      holders.push({ pid, name: Deno.readTextFileSync(`/proc/${pid}/comm`).trim() });
    } catch {
      // The process has ended, or belongs to another user.
    }
  }
  return holders;
}

/** Overwrites the values of variables in this process's initial environment. @throws {Error} if the memory can't be found or written */
function overwrite(names: readonly string[]): void {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const start = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[ENV_START]);
  if (!(start > 0)) throw new Error("The kernel does not reveal the address of the environment");
  const environment = Deno.readFileSync("/proc/self/environ");
  using memory = Deno.openSync("/proc/self/mem", { read: true, write: true });
  memory.seekSync(start, Deno.SeekMode.Start);
  const found = new Uint8Array(environment.length);
  for (let read = 0; read < found.length;) read += memory.readSync(found.subarray(read)) ?? found.length;
  if (!startsWith(found, 0, found.length, environment)) {
    throw new Error("The environment is not at the address that the kernel reports");
  }
  for (let at = 0; at < environment.length;) {
    const zero = environment.indexOf(0, at);
    const end = zero < 0 ? environment.length : zero;
    const equals = environment.indexOf(0x3d, at);
    if (equals > at && equals < end && names.includes(new TextDecoder().decode(environment.subarray(at, equals)))) {
      memory.seekSync(start + equals + 1, Deno.SeekMode.Start);
      // Not with zeros: programs take two zeros for the end of the environment.
      const stars = new Uint8Array(end - equals - 1).fill(0x2a);
      for (let written = 0; written < stars.length;) written += memory.writeSync(stars.subarray(written));
    }
    at = end + 1;
  }
}

/** The value of a variable; undefined if it is not UTF-8: no such secret is valid, and Deno's error message would show it. */
function valueOf(name: SecretName): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return "\u{fffd}";
  }
}

function processes(): number[] {
  try {
    return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function indexOf(bytes: Uint8Array, sought: Uint8Array): number {
  for (let at = bytes.indexOf(sought[0]!); at >= 0; at = bytes.indexOf(sought[0]!, at + 1)) {
    if (sought.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}
