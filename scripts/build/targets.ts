/** The machines for which executables can be built. */

/** A target: its names and its properties. */
export interface Target {
  /** The name in `--target` and in file names. */
  readonly name: string;
  /** `e_machine` in the header of its programs. */
  readonly elfMachine: number;
  /** The platform tag of Python packages for this machine. */
  readonly wheelPlatform: string;
}

/** All targets. */
export const TARGETS: readonly Target[] = [
  { name: "x86_64-unknown-linux-gnu", elfMachine: 62, wheelPlatform: "manylinux_2_28_x86_64" },
  { name: "aarch64-unknown-linux-gnu", elfMachine: 183, wheelPlatform: "manylinux_2_28_aarch64" },
];

/**
 * Returns the target with a name.
 *
 * @throws {RangeError} if no target has this name
 */
export function targetNamed(name: string): Target {
  const found = TARGETS.find((target) => target.name === name);
  if (found !== undefined) return found;
  throw new RangeError(`Can't build for '${name}': use one of ${TARGETS.map(({ name }) => name).join(", ")}, or all.`);
}

/**
 * Returns the target of this machine.
 *
 * @throws {RangeError} if executables can't be built for it
 */
export function hostTarget(): Target {
  return targetNamed(Deno.build.target);
}
