/** Requirements of tests that not every machine meets. Without one, a test is skipped, and its name says why. */

import { hasIpv6 } from "../../unit/helper/network.ts";

/** True if a requirement is met, else the reason why not. */
export type Met = true | string;

/** A requirement, or a function that examines it. */
export type Need = Met | (() => Met);

/** A requirement that is examined when a test first needs it: starting programs in each of the files would take longer than some tests. */
function examined(isMet: () => boolean, reason: string): () => Met {
  let met: Met | undefined;
  return () => met ??= isMet() || reason;
}

/** Whether a command runs and succeeds. */
export function runs(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const CABLE = "PATH=$PATH:/usr/sbin:/sbin && ip link add cable type veth && hostname test && nsenter --version";

const OVERLAY = "PATH=$PATH:/usr/sbin:/sbin && mount -t tmpfs test /mnt && mkdir /mnt/u /mnt/w /mnt/r && " +
  "mount -t overlay test -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r && ip link set lo up && " +
  "chroot /mnt/r /usr/bin/python3 -c 'import venv, ensurepip'";

/** A file system in memory, which most containers have. */
export const HAS_SHM: Need = examined(
  () => runs("sh", "-c", "test -d /dev/shm && test -w /dev/shm"),
  "/dev/shm can't be written to",
);

/** The start of a command that runs a program as process 1 of its own namespace. */
export const AS_PROCESS_1: readonly string[] = ["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc"];

export const CAN_BE_PROCESS_1: Need = examined(
  () => runs(AS_PROCESS_1[0]!, ...AS_PROCESS_1.slice(1), "true"),
  "unshare --pid is not permitted here",
);

/** A network namespace without a network. */
export const CAN_GO_OFFLINE: Need = examined(
  () => runs("unshare", "--net", "true"),
  "unshare --net is not permitted here",
);

const ADDRESS = "PATH=$PATH:/usr/sbin:/sbin && ip link set lo up && ip address add 169.254.1.1/32 dev lo";

/** A network namespace whose loopback interface can have further addresses. */
export const CAN_ADD_ADDRESSES: Need = examined(
  () => runs("unshare", "--net", "sh", "-c", ADDRESS),
  "addresses can't be added to the loopback interface of a network namespace here",
);

/** Faults in system calls, which strace injects. */
export const CAN_TRACE: Need = examined(
  () => runs("strace", "-qq", "-o", "/dev/null", "-e", "inject=uname:error=EINTR", "true"),
  "strace is not permitted here",
);

/** Permission to mount. */
export const CAN_MOUNT: Need = examined(
  () => runs("unshare", "--mount", "sh", "-c", "mount --bind /tmp /tmp && mount -o remount,ro,bind /tmp"),
  "mounting is not permitted here",
);

/** Two network namespaces with a cable between them. */
export const CAN_CABLE: () => Met = examined(
  () => runs("unshare", "--net", "--mount", "--uts", "sh", "-c", CABLE),
  "network namespaces with a cable between them, of iproute2 and util-linux, can't be made here",
);

/** A temporary overlay of this machine's root, with a Python that any user may run. */
export const CAN_BUILD_IMAGES: Need = examined(
  () => runs("unshare", "--mount", "--net", "sh", "-c", OVERLAY),
  "an overlay of this machine's root, or its /usr/bin/python3 with venv, or iproute2, can't be had here",
);

const BUILDAH =
  "PATH=$PATH:/usr/sbin:/sbin && apt-get --version && skopeo --version && umoci --version && grep -q ID=debian /etc/os-release && cd $(mktemp -d) && " +
  'b="buildah --root $PWD/store --runroot $PWD/run --storage-driver vfs" && c=$($b from scratch) && $b rm $c; ' +
  'code=$?; rm -r "$PWD"; exit $code';

/** Debian's buildah, apt-get for the base of images, and two programs that check images. */
export const HAS_BUILDAH: () => Met = examined(
  () => Deno.uid() === 0 && runs("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", BUILDAH),
  "buildah, skopeo, umoci or apt-get does not work here: they need Debian, root and namespaces",
);

/** An IPv6 loopback address. */
export const HAS_IPV6: Need = hasIpv6 || "there is no ::1";

/**
 * Prints which of its arguments are no module of this Python. It imports none, since PyTorch and others take seconds. For `a.b`, an empty
 * module tells the finder the folders of `a`.
 */
const FIND = `
import sys, types
from importlib.machinery import PathFinder

def is_there(name):
    folders = None
    for end in [i for i, c in enumerate(name) if c == "."] + [len(name)]:
        spec = PathFinder.find_spec(name[:end], folders)
        if spec is None:
            return False
        folders = spec.submodule_search_locations or []
        package = sys.modules.setdefault(name[:end], types.ModuleType(name[:end]))
        package.__path__ = folders
    return True

print(*[name for name in sys.argv[1:] if not is_there(name)], sep=" and ", end="")
`;

/** Modules that a Python has installed. */
export function imports(python: string, ...modules: string[]): Met {
  const missing = printed(python, "-c", FIND, ...modules);
  if (missing === undefined) return `${python} can't be run`;
  return missing === "" || `${missing} can't be imported by ${python}`;
}

/** What a command prints on standard output, or undefined if it can't be run or fails. */
function printed(command: string, ...args: string[]): string | undefined {
  try {
    const { success, stdout } = new Deno.Command(command, { args, stdin: "null", stderr: "null" }).outputSync();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}

/** A file at a path. */
export function has(path: string): Met {
  try {
    return Deno.statSync(path).isFile || `${path} is no file`;
  } catch {
    return `${path} is not installed`;
  }
}

/** A shell with job control. */
export const HAS_BASH: Need = has("/bin/bash");

/** Root, which can give files to other users. */
export const HAS_ROOT: Need = Deno.uid() === 0 || "giving files to another user needs root";

/** The path of PyPy: the value of AIMODELLIB_TEST_PYPY, or pypy3 on PATH. */
export const PYPY: string = Deno.env.get("AIMODELLIB_TEST_PYPY") ?? "pypy3";

export const HAS_PYPY: Need = examined(
  () => runs(PYPY, "-c", ""),
  "there is no pypy3, and AIMODELLIB_TEST_PYPY names none",
);
