/** The suite that runs on Ray: pytest, with a Python environment and a network namespace of its own. */

import { tried } from "../build/process.ts";
import { messageOf } from "../../src/errors.ts";
import type { Count } from "./count.ts";
import { runSuite, skipSuite } from "./suite.ts";

/**
 * The start of a command that runs a program where the network is loopback alone. Elsewhere, Ray would listen on the machine's
 * addresses.
 */
const ON_LOOPBACK: readonly string[] = [
  "--net",
  ...(Deno.uid() === 0 ? [] : ["--map-root-user"]),
  "sh",
  "-c",
  'PATH=$PATH:/usr/sbin:/sbin && ip link set lo up && exec "$@"',
  "sh",
];

/** What the suite needs. */
export interface RayOptions {
  /** The project's root. */
  readonly root: string;
  readonly env: Record<string, string>;
  /** The path of the report. */
  readonly report: string;
  /** Only tests whose name has this text are run. */
  readonly filter: string | undefined;
  /** The interpreter of the environment with Ray; it rejects if that can't be made. */
  readonly python: Promise<string>;
  /** Shows the output at the end, because another suite runs at the same time. */
  readonly gathersOutput: boolean;
}

/**
 * Runs the suite, or counts it as skipped, and prints why, where Ray can't be installed or a namespace can't be made.
 *
 * @throws {Error} if a program can't be started
 */
export async function runRay({ root, env, report, filter, python, gathersOutput }: RayOptions): Promise<Count> {
  const skip = (reason: string) => skipSuite("ray", reason);
  const { success, output } = await tried("unshare", [...ON_LOOPBACK, "true"]);
  if (!success) return skip(`a network namespace with loopback alone can't be made. ${output}`);
  let interpreter: string;
  try {
    interpreter = await python;
  } catch (error) {
    return skip(`Ray can't be installed. ${messageOf(error)}`);
  }
  const select = filter === undefined ? [] : ["-k", filter];
  // deno-fmt-ignore
  const args = [
    ...ON_LOOPBACK, interpreter, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--disable-warnings", `--junit-xml=${report}`,
    ...select, "tests/ray",
  ];
  return await runSuite({ name: "ray", cwd: root, env, report, command: "unshare", args, gathersOutput });
}
