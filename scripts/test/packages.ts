/**
 * Programs that tests use and that are Debian's to install: a browser, a linter for shell scripts, other makers of archives
 * and of signatures, a maker of networks, shells.
 */

import { run } from "../build/process.ts";

/** The program, or the path of another file, and the package that it is in. */
const PACKAGES = [
  ["chromium", "chromium"],
  ["shellcheck", "shellcheck"],
  ["bsdtar", "libarchive-tools"],
  ["7z", "p7zip-full"],
  ["minisign", "minisign"],
  ["ip", "iproute2"],
  ["zsh", "zsh"],
  ["fish", "fish"],
  ["buildah", "buildah"],
  ["debootstrap", "debootstrap"],
  ["qemu-x86_64", "qemu-user"],
  ["/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1", "libc6-arm64-cross"],
  ["/usr/aarch64-linux-gnu/lib/libgcc_s.so.1", "libgcc-s1-arm64-cross"],
] as const;

/**
 * Installs what is missing, if this is Debian or a relative and we are root: a test machine. Elsewhere, and when it
 * fails, nothing is changed, and the tests that need one of the programs are skipped with that reason.
 *
 * @throws {Error} if a program can't be started
 */
export async function installPackages(): Promise<void> {
  const missing = PACKAGES.filter(([program]) => !onPath(program)).map(([, name]) => name);
  if (missing.length === 0 || Deno.uid() !== 0 || !onPath("apt-get")) return;
  console.log(`Installing ${missing.join(" and ")} with apt-get`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-qq"], { env });
  const { success, output } = await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], {
    env,
  });
  if (!success) console.log(`That failed, and what needs them is skipped:\n${output}`);
}

/** Whether a program can be found; a path is taken as it is. */
export function onPath(program: string): boolean {
  if (program.startsWith("/")) return exists(program);
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    return exists(`${folder}/${program}`);
  });
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
