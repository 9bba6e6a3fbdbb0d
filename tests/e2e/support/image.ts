/**
 * Builds what a Dockerfile describes, with this machine's root as every base image, and runs it: in mount and network
 * namespaces of its own, on a temporary file system. It knows only the instructions of our Dockerfiles.
 */

import { BIN } from "./sandbox.ts";

/** One instruction: its name and what follows, with continued lines joined. */
type Instruction = readonly [name: string, rest: string];

/** The instructions of a Dockerfile. */
export function instructions(dockerfile: string): Instruction[] {
  const lines = dockerfile.replaceAll(/^#.*\n/gm, "").replaceAll("\\\n", "").split("\n");
  return lines.filter((line) => line.trim() !== "").map((line) => {
    const [, name, rest] = /^([A-Z]+) +(.*)$/.exec(line)!;
    return [name!, rest!];
  });
}

/**
 * A shell script that builds the image from a folder, starts it, waits until its health check succeeds, runs `probe`
 * as another process in the image, and stops the image with SIGTERM. It prints `exit code N` at the end.
 *
 * @param context the folder that the image is built from; `aimodellib` is added to it
 */
export function buildAndRun(dockerfile: string, context: string, probe: string): string {
  const script = [
    "set -eu",
    `cp ${quote(BIN)} ${quote(context)}/aimodellib`,
    `mount -t tmpfs images ${quote(context)}/../images`,
    `cd ${quote(context)}`,
    "ip link set lo up",
  ];
  const images = `${context}/../images`;
  let root = "";
  let folder = "/";
  let user = "0:0";
  let env = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8";
  let healthCheck = "";
  let entrypoint: string[] = [];
  let command: string[] = [];
  const inside = (line: string) =>
    `env -i HOME=/home/app ${env} chroot --userspec=${user} ${root} sh -c ${quote(`cd ${quote(folder)} && ${line}`)}`;
  for (const [name, rest] of instructions(dockerfile)) {
    if (name === "FROM") {
      const stage = /^\S+ AS (\w+)$/.exec(rest)?.[1] ?? "last";
      root = `${images}/${stage}/root`;
      folder = "/";
      const [upper, work] = [`${images}/${stage}/upper`, `${images}/${stage}/work`];
      script.push(
        `mkdir -p ${root} ${upper} ${work}`,
        `mount -t overlay overlay -o lowerdir=/,upperdir=${upper},workdir=${work} ${root}`,
        `mount --rbind /proc ${root}/proc`,
        `mount --rbind /dev ${root}/dev`,
      );
    } else if (name === "RUN") script.push(inside(rest));
    else if (name === "WORKDIR") folder = rest;
    else if (name === "ENV") env += ` ${rest}`;
    else if (name === "USER") user = `${rest}:${rest}`;
    else if (name === "HEALTHCHECK") healthCheck = shellWords(rest.replace(/^.*? CMD /, ""));
    else if (name === "ENTRYPOINT") entrypoint = JSON.parse(rest);
    else if (name === "CMD") command = JSON.parse(rest);
    else if (name === "COPY") {
      const [, stage, words] = /^(?:--from=(\w+) )?(.*)$/.exec(rest)!;
      const paths: string[] = words!.startsWith("[") ? JSON.parse(words!) : words!.split(" ");
      const to = `${root}${paths.pop()}`;
      const sources = paths.map((path) =>
        quote(stage === undefined ? path.replace(/\/$/, "/.") : `${images}/${stage}/root${path}`)
      );
      script.push(
        `mkdir -p ${to.endsWith("/") ? to : to.slice(0, to.lastIndexOf("/"))}`,
        `cp -a ${sources.join(" ")} ${to}`,
      );
    } else if (name !== "EXPOSE") throw new Error(`An instruction that is not known here: ${name}`);
  }
  script.push(
    inside(`exec ${[...entrypoint, ...command].map(quote).join(" ")}`).replace(/^/, "exec ").replace(
      /^(.*)$/s,
      "($1) &",
    ),
    "server=$!",
    `until ${inside(healthCheck)} 2>/dev/null; do kill -0 $server; sleep 0.1; done`,
    inside(probe),
    "kill -TERM $server",
    "wait $server && code=0 || code=$?",
    "echo exit code $code",
  );
  return `${script.join("\n")}\n`;
}

function shellWords(json: string): string {
  return JSON.parse(json).map(quote).join(" ");
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
