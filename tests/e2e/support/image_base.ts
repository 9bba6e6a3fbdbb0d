/** A root file system with this machine's Debian and a Python, the base of images in tests. It is made once and kept. */

import assert from "node:assert/strict";
import { ROOT } from "./sandbox.ts";

/** Paths that a Python and `useradd` do not need. Each tool that copies layers takes processor time for each file. */
const LEFT_OUT = ["debootstrap", "proc/*", "sys/*", "dev/*", "etc/ssl/certs/*", "usr/bin/perl*", "usr/lib/apt"]
  .concat(["usr/lib/*/gconv", "usr/lib/*/perl-base", "usr/share/bash-completion", "usr/share/ca-certificates"])
  .concat(["usr/share/common-licenses", "usr/share/doc", "usr/share/info", "usr/share/keyrings", "usr/share/locale"])
  .concat([
    "usr/share/man",
    "usr/share/perl5",
    "usr/share/zoneinfo",
    "var/cache/*",
    "var/lib/apt",
    "var/lib/dpkg",
    "var/log/*",
  ]);

/** The path of a tar archive of this file system, or the reason why it can't be made, such as no access to Debian's packages. */
export async function imageBase(): Promise<{ readonly path: string } | string> {
  try {
    return { path: await makeBase() };
  } catch (error) {
    return `debootstrap makes no base for images here: ${String(error).slice(0, 300).replaceAll(/\s+/g, " ")}`;
  }
}

async function makeBase(): Promise<string> {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(Deno.readTextFileSync("/etc/os-release"))![1]!;
  const path = `${ROOT}/.cache/image-base-small-${release}.tar`;
  try {
    if (Deno.statSync(path).isFile) return path;
  } catch {
    // It has not been made yet.
  }
  const folder = Deno.makeTempDirSync({ prefix: "image-base-" });
  try {
    await run("debootstrap", "--variant=minbase", "--include=python3,python3-venv", release, `${folder}/root`);
    const excludes = LEFT_OUT.map((name) => `--exclude=./${name}`);
    await run("tar", "-C", `${folder}/root`, ...excludes, "-cf", `${folder}/base.tar`, ".");
    await run("mv", `${folder}/base.tar`, `${path}.${Deno.pid}`);
    Deno.renameSync(`${path}.${Deno.pid}`, path);
  } finally {
    // debootstrap leaves /proc mounted if it is interrupted.
    await new Deno.Command("umount", { args: ["-q", `${folder}/root/proc`, `${folder}/root/sys`] }).output();
    Deno.removeSync(folder, { recursive: true });
  }
  return path;
}

async function run(command: string, ...args: string[]): Promise<void> {
  // A proxy to Debian's packages is the caller's to name, so the rest of the environment stays.
  const env = { PATH: `${Deno.env.get("PATH")}:/usr/sbin:/sbin`, LC_ALL: "C.UTF-8" };
  const { success, stdout, stderr } = await new Deno.Command(command, { args, env }).output();
  const text = new TextDecoder();
  assert.ok(success, `${command}: ${text.decode(stdout).slice(-2000)}${text.decode(stderr)}`);
}
