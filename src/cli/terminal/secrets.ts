/**
 * Secrets that come in environment variables.
 *
 * To unset a variable keeps it from what is started. But what a process was started with stays in its memory, and Linux shows it in
 * `/proc/PID/environ` to all of the same user, scripts among them: proc_pid_environ(5). So it is overwritten there.
 */

import { startsWith } from "../../bytes.ts";

/** Variables that are taken away when the program starts: nothing that it starts needs them. */
const NAMES = ["AIMODELLIB_TOKEN", "AIMODELLIB_KEY_PASSWORD"] as const;

/** The name of an environment variable that holds a secret. */
export type SecretName = typeof NAMES[number];

/** Where `/proc/self/stat` says that the first variables begin, counted from 0 behind the program's name: proc_pid_stat(5). */
const ENV_START = 50 - 3;

/** A process in whose environment a secret was found. */
export interface Holder {
  readonly pid: number;
  readonly name: string;
}

/** Takes the secrets out of this process's environment, and out of what others are shown of it. */
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
      // What can't be written is not shown, or holdersOf() finds it.
    }
  }
  return secrets;
}

/**
 * Processes, this one among them, in whose first environment the value of a secret can be read: whoever started this one, such as
 * `docker-init`.
 */
export function holdersOf(name: SecretName, value: string): readonly Holder[] {
  const sought = new TextEncoder().encode(`${name}=${value}\0`);
  const holders: Holder[] = [];
  for (const pid of processes()) {
    try {
      if (indexOf(Deno.readFileSync(`/proc/${pid}/environ`), sought) < 0) continue;
      holders.push({ pid, name: Deno.readTextFileSync(`/proc/${pid}/comm`).trim() });
    } catch {
      // It has ended, or is another user's.
    }
  }
  return holders;
}

/** Overwrites the values of variables in the memory that this process was started with. @throws {Error} if that can't be */
function overwrite(names: readonly string[]): void {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const start = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[ENV_START]);
  if (!(start > 0)) throw new Error("The system does not say where the environment is");
  const environment = Deno.readFileSync("/proc/self/environ");
  using memory = Deno.openSync("/proc/self/mem", { read: true, write: true });
  memory.seekSync(start, Deno.SeekMode.Start);
  const found = new Uint8Array(environment.length);
  for (let read = 0; read < found.length;) read += memory.readSync(found.subarray(read)) ?? found.length;
  if (!startsWith(found, 0, found.length, environment)) {
    throw new Error("The environment is not where the system says it is");
  }
  for (let at = 0; at < environment.length;) {
    const zero = environment.indexOf(0, at);
    const end = zero < 0 ? environment.length : zero;
    const equals = environment.indexOf(0x3d, at);
    if (equals > at && equals < end && names.includes(new TextDecoder().decode(environment.subarray(at, equals)))) {
      memory.seekSync(start + equals + 1, Deno.SeekMode.Start);
      // Not with zeros: programs take two of them for the end of all.
      const stars = new Uint8Array(end - equals - 1).fill(0x2a);
      for (let written = 0; written < stars.length;) written += memory.writeSync(stars.subarray(written));
    }
    at = end + 1;
  }
}

/** The value; what is not in UTF-8 is none that is accepted anywhere, and Deno's message would show it. */
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
