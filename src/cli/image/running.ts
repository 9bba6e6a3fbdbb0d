/** How containers of an image run; the Dockerfile of `dockerfile` says the same. */

import type { Running } from "../../image/compose.ts";

/** Where an image has the archive. */
export const ARCHIVE_ROOT = "/srv/archive";
/** Where an image has the model, or expects a volume with it. */
export const MODEL_ROOT = "/srv/model";
/** The working directory, in which logs are written. */
export const HOME = "/home/app";
/** The user and the group; a number, so that Kubernetes can check that it is not root. */
export const USER_ID = 10001;

/** The code with which a container checks itself. It is Python, because slim images have no curl. */
export function healthCode(port: number): string {
  return `import http.client as h; c = h.HTTPConnection('127.0.0.1', ${port}, timeout=4); ` +
    "c.request('GET', '/health/ready'); raise SystemExit(c.getresponse().status != 200)";
}

const SECOND = 1_000_000_000;
const MINUTE = 60 * SECOND;

/** The facts about an image that decide how it runs. */
export interface RunningFacts {
  readonly serves: boolean;
  readonly port: number;
  readonly modelIn: "archive" | "image" | "volume";
  /** Whether the image has an environment in `/opt/venv`. */
  readonly hasEnvironment: boolean;
  readonly hasRequirements: boolean;
  /** The archive's file name; undefined for standard input. */
  readonly title: string | undefined;
  readonly sha256: string;
  readonly created: string;
}

/** The part of an image's configuration that says how containers run, and when the image was made. */
export function runningOf(facts: RunningFacts): Running & { readonly created: string } {
  const { serves, port, modelIn, hasEnvironment, hasRequirements, title, sha256, created } = facts;
  const python = hasEnvironment ? "/opt/venv/bin/python" : "python3";
  // Without an environment, what the base lacks can only be installed at the start.
  const install = hasEnvironment || !hasRequirements ? ["--install", "never"] : [];
  const model = modelIn === "archive" ? [] : [MODEL_ROOT];
  return {
    created,
    User: `${USER_ID}:${USER_ID}`,
    // The base's list of users lacks this one, so that programs ask these variables.
    Env: [`HOME=${HOME}`, "USER=app", ...(hasEnvironment ? [`AIMODELLIB_PYTHON=${python}`] : [])],
    Entrypoint: ["/usr/local/bin/aimodellib"],
    Cmd: serves
      ? ["serve", "--host", "0.0.0.0", "--port", String(port), ...install, ARCHIVE_ROOT, ...model]
      : ["train", ...install, ARCHIVE_ROOT, MODEL_ROOT],
    WorkingDir: HOME,
    StopSignal: "SIGTERM",
    ...(serves && {
      ExposedPorts: { [`${port}/tcp`]: {} },
      Healthcheck: {
        Test: ["CMD", python, "-c", healthCode(port)],
        Interval: 15 * SECOND,
        Timeout: 5 * SECOND,
        StartPeriod: 5 * MINUTE,
        Retries: 2,
      },
    }),
    ...(!serves && { Volumes: { [MODEL_ROOT]: {} } }),
    Labels: {
      ...(title !== undefined && { "org.opencontainers.image.title": title }),
      "org.opencontainers.image.created": created,
      // The archive is what the image was made from.
      "org.opencontainers.image.revision": `sha256:${sha256}`,
    },
  };
}
