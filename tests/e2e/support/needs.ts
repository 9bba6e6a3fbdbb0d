/** What a test needs that not every machine has; without it the test is skipped, and its name says why. */

/** Something that is there, or the reason why not. */
export type Need = true | string;

/** Whether a command runs and succeeds. */
export function runs(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const CABLE = "PATH=$PATH:/usr/sbin:/sbin && ip link add cable type veth && hostname test && nsenter --version";

/** A network namespace of its own, in which there is no network. */
export const CAN_GO_OFFLINE: Need = runs("unshare", "--net", "true") ||
  "unshare --net is not permitted here";

/** A mount of its own. */
export const CAN_MOUNT: Need =
  runs("unshare", "--mount", "sh", "-c", "mount --bind /tmp /tmp && mount -o remount,ro,bind /tmp") ||
  "mounting is not permitted here";

/** Two network namespaces with a cable between them. */
export const CAN_CABLE: Need = runs("unshare", "--net", "--mount", "--uts", "sh", "-c", CABLE) ||
  "network namespaces with a cable between them, of iproute2 and util-linux, can't be made here";

/** An IPv6 loopback address. */
export const HAS_IPV6: Need = (() => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return "there is no ::1";
  }
})();

/** Modules that a Python can import. */
export function imports(python: string, ...modules: string[]): Need {
  const missing = modules.filter((name) => !runs(python, "-c", `import ${name}`));
  return missing.length === 0 || `${missing.join(" and ")} can't be imported by ${python}`;
}
