/**
 * Programs that tests use and that Debian packages: a browser, a linter for shell scripts, archivers, minisign, promtool, network
 * tools, shells, tools for container images, proxies, Slurm.
 */

import { run } from "../build/process.ts";

/** Pairs of a program, or the path of a file, and the Debian package that has it. */
const PACKAGES = [
  ["chromium", "chromium"],
  ["shellcheck", "shellcheck"],
  ["bsdtar", "libarchive-tools"],
  ["7z", "p7zip-full"],
  ["minisign", "minisign"],
  ["promtool", "prometheus"],
  ["ip", "iproute2"],
  ["zsh", "zsh"],
  ["fish", "fish"],
  ["buildah", "buildah"],
  ["skopeo", "skopeo"],
  ["umoci", "umoci"],
  ["/usr/sbin/nginx", "nginx"],
  ["/usr/sbin/haproxy", "haproxy"],
  ["/usr/sbin/slurmctld", "slurmctld"],
  ["/usr/sbin/slurmd", "slurmd"],
  ["sbatch", "slurm-client"],
  ["/usr/sbin/munged", "munge"],
  ["qemu-x86_64", "qemu-user"],
  ["/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1", "libc6-arm64-cross"],
  ["/usr/aarch64-linux-gnu/lib/libgcc_s.so.1", "libgcc-s1-arm64-cross"],
] as const;

/** If this program exists, the packages of servers ask it whether to start them (`invoke-rc.d(8)`). */
const POLICY = "/usr/sbin/policy-rc.d";

/**
 * Installs missing packages if apt-get exists and this process is root, as on a test machine. Elsewhere, or if the installation
 * fails, the tests that need one of the programs are skipped. No server is started.
 *
 * @throws {Error} if a program can't be started
 */
export async function installPackages(): Promise<void> {
  const missing = PACKAGES.filter(([program]) => !onPath(program)).map(([, name]) => name);
  if (missing.length === 0 || Deno.uid() !== 0 || !onPath("apt-get")) return;
  console.log(`Installing ${missing.join(" and ")} with apt-get`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  using _ = startNoServers();
  await run("apt-get", ["update", "-qq"], { env });
  const { success, output } = await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], {
    env,
  });
  if (!success) console.log(`That failed, and what needs them is skipped:\n${output}`);
}

/** Keeps packages from starting their servers until disposed, unless this machine has a policy of its own. */
function startNoServers(): Disposable {
  if (exists(POLICY)) return { [Symbol.dispose]: () => {} };
  // Code 101: not allowed.
  Deno.writeTextFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755, createNew: true });
  return { [Symbol.dispose]: () => Deno.removeSync(POLICY) };
}

/** Whether a program is on PATH, or a file exists at an absolute path. */
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
