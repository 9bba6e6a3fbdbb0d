/** The suite that runs on an NVIDIA GPU: pytest, with a Python whose PyTorch uses CUDA. */

import { tried } from "../build/process.ts";
import type { Count } from "./count.ts";
import { runSuite, skipSuite } from "./suite.ts";

/** Prints how many devices PyTorch sees, and whether pytest can run tests in parallel. */
const ASK = `
import importlib.util, pytest, torch
print(torch.cuda.device_count(), "parallel" if importlib.util.find_spec("xdist") else "serial")
`;

/** What the suite needs. */
export interface GpuOptions {
  /** The project's root. */
  readonly root: string;
  readonly env: Record<string, string>;
  /** The path of the report. */
  readonly report: string;
  /** Only tests whose name has this text are run. */
  readonly filter: string | undefined;
  /** The Python with pytest and PyTorch for CUDA. That of the other tests has PyTorch for processors. */
  readonly python: string;
}

/**
 * Runs the suite, or counts it as skipped, and prints why, on a machine without an NVIDIA GPU, or where the Python can't use it.
 *
 * @throws {Error} if a program can't be started
 */
export async function runGpu({ root, env, report, filter, python }: GpuOptions): Promise<Count> {
  const skip = (reason: string) => skipSuite("gpu", reason);
  const listed = await tried("nvidia-smi", ["-L"]);
  if (!listed.success || !/^GPU \d/m.test(listed.output)) return skip(`nvidia-smi lists no GPU. ${listed.output}`);
  const asked = await tried(python, ["-c", ASK]);
  const [, devices, way] = /^(\d+) (\w+)$/m.exec(asked.output) ?? [];
  if (!asked.success || devices === "0") {
    return skip(
      `'${python}' has no pytest, or no PyTorch that sees a GPU: set AIMODELLIB_TEST_GPU_PYTHON. ${asked.output}`,
    );
  }
  // deno-fmt-ignore
  const args = [
    "-m", "pytest", "-q", "-p", "no:cacheprovider", `--junit-xml=${report}`, ...way === "parallel" ? ["-n", "4"] : [],
    ...filter === undefined ? [] : ["-k", filter], "tests/gpu",
  ];
  const own = { ...env, AIMODELLIB_TEST_PYTHON: python };
  return await runSuite({ name: "gpu", cwd: root, env: own, report, command: python, args });
}
