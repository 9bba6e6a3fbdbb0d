/**
 * Reads the settings of tracing from the variables that the OpenTelemetry specification defines. A value that is invalid, or that this
 * program does not support, is reported and ignored, as the specification demands: a platform may set these variables for all programs.
 */

import { hideCredentials } from "../credentials.ts";
import { parsePairs, type Rejected } from "./pairs.ts";

/** The settings of tracing. */
export interface TracingSettings {
  /** Where spans are sent to, without user and password. */
  readonly url: string;
  /** Headers of each transfer. They may contain secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly format: "protobuf" | "json";
  readonly gzip: boolean;
  /** How long a try to send may take, in ms. */
  readonly timeoutMs: number;
  readonly tls: TlsFiles;
  readonly sampling: Sampling;
  /** Attributes of the resource: what is traced, and where it runs. */
  readonly resource: Readonly<Record<string, string>>;
  readonly batches: Batches;
}

/** Paths of PEM files. */
export interface TlsFiles {
  /** Certificates of the authorities to trust, in addition to the system's. */
  readonly authorities?: string | undefined;
  /** The certificate of this client, and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Which requests are sampled. */
export interface Sampling {
  /** The share of traces that are sampled, from 0 to 1. */
  readonly ratio: number;
  /** Whether the client's decision counts instead, if it has sent one. */
  readonly followsParent: boolean;
}

/** How spans are kept and sent. */
export interface Batches {
  /** The most spans that wait; more are dropped. */
  readonly queueSize: number;
  /** The most spans of one transfer. */
  readonly batchSize: number;
  /** How long a span waits for others, in ms. */
  readonly delayMs: number;
  /** How long it is tried to send a batch, in ms. */
  readonly limitMs: number;
}

/** Upper bounds of settings: what a server can keep without harm. */
const MAX_QUEUE = 1_000_000;
const MAX_MS = 24 * 3600 * 1000;

/** The port of OTLP over HTTP. */
const DEFAULT_ENDPOINT = "http://localhost:4318";

/**
 * Reads the settings; undefined if tracing is off, which it is unless a variable names a receiver.
 *
 * @param warn receives a sentence about each value that is ignored
 */
export function tracingSettings(
  env: (name: string) => string | undefined,
  warn: (message: string) => void,
): TracingSettings | undefined {
  const read = reader(env);
  const own = read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  const common = read("OTEL_EXPORTER_OTLP_ENDPOINT");
  const exporter = read("OTEL_TRACES_EXPORTER");
  if (own === undefined && common === undefined && exporter !== "otlp") return undefined;
  if (env("OTEL_SDK_DISABLED")?.trim().toLowerCase() === "true" || exporter === "none") return undefined;
  if (exporter !== undefined && !exporter.split(",").some((name) => name.trim() === "otlp")) {
    warn(`Tracing is off: OTEL_TRACES_EXPORTER is '${exporter}', and only 'otlp' and 'none' are supported`);
    return undefined;
  }
  const protocol = read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? read("OTEL_EXPORTER_OTLP_PROTOCOL") ?? "http/protobuf";
  if (protocol !== "http/protobuf" && protocol !== "http/json") {
    warn(
      `Tracing is off: OTEL_EXPORTER_OTLP_PROTOCOL is '${protocol}'; set it to 'http/protobuf' or 'http/json', and the endpoint to the ` +
        "receiver's port for HTTP, usually 4318",
    );
    return undefined;
  }
  const name = own === undefined ? "OTEL_EXPORTER_OTLP_ENDPOINT" : "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  const endpoint = own ?? common ?? DEFAULT_ENDPOINT;
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    warn(`Tracing is off: ${name} must be an http or https URL, not '${hideCredentials(endpoint)}'`);
    return undefined;
  }
  if (own === undefined) url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/traces`;
  const rejected: Rejected = (variable, position) =>
    warn(`Entry ${position} of ${variable} is ignored: it must be NAME=VALUE, percent-encoded where necessary`);
  const headers = {
    ...parsePairs("OTEL_EXPORTER_OTLP_HEADERS", read("OTEL_EXPORTER_OTLP_HEADERS"), rejected, true),
    ...parsePairs("OTEL_EXPORTER_OTLP_TRACES_HEADERS", read("OTEL_EXPORTER_OTLP_TRACES_HEADERS"), rejected, true),
  };
  const login = loginOf(url);
  if (login !== undefined) headers["authorization"] ??= login;
  const number = (name: string, value: string | undefined, standard: number, most: number, least = 1) => {
    if (value === undefined) return standard;
    const found = Number(value);
    if (Number.isInteger(found) && found >= least && found <= most) return found;
    warn(`${name} must be an integer from ${least} to ${most}, not '${value}'; ${standard} is used`);
    return standard;
  };
  const queueSize = number("OTEL_BSP_MAX_QUEUE_SIZE", read("OTEL_BSP_MAX_QUEUE_SIZE"), 2048, MAX_QUEUE);
  const compression = read("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION") ?? read("OTEL_EXPORTER_OTLP_COMPRESSION") ?? "none";
  if (compression !== "none" && compression !== "gzip") {
    warn(`OTEL_EXPORTER_OTLP_COMPRESSION must be 'gzip' or 'none', not '${compression}'; 'none' is used`);
  }
  const timeout = read("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT") ?? read("OTEL_EXPORTER_OTLP_TIMEOUT");
  return {
    url: url.href,
    headers,
    format: protocol === "http/json" ? "json" : "protobuf",
    gzip: compression === "gzip",
    timeoutMs: number("OTEL_EXPORTER_OTLP_TIMEOUT", timeout, 10_000, MAX_MS),
    tls: {
      authorities: read("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE") ?? read("OTEL_EXPORTER_OTLP_CERTIFICATE"),
      cert: read("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE") ?? read("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
      key: read("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY") ?? read("OTEL_EXPORTER_OTLP_CLIENT_KEY"),
    },
    sampling: samplingOf(read("OTEL_TRACES_SAMPLER"), read("OTEL_TRACES_SAMPLER_ARG"), warn),
    resource: {
      ...parsePairs("OTEL_RESOURCE_ATTRIBUTES", read("OTEL_RESOURCE_ATTRIBUTES"), rejected),
      ...named(read("OTEL_SERVICE_NAME")),
    },
    batches: {
      queueSize,
      batchSize: Math.min(
        queueSize,
        number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", read("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"), 512, MAX_QUEUE),
      ),
      delayMs: number("OTEL_BSP_SCHEDULE_DELAY", read("OTEL_BSP_SCHEDULE_DELAY"), 5000, MAX_MS, 0),
      limitMs: number("OTEL_BSP_EXPORT_TIMEOUT", read("OTEL_BSP_EXPORT_TIMEOUT"), 30_000, MAX_MS),
    },
  };
}

/** Returns a function that reads variables; an empty one counts as missing. */
function reader(env: (name: string) => string | undefined): (name: string) => string | undefined {
  return (name) => env(name)?.trim() || undefined;
}

/** Takes user and password out of a URL. @returns the header Authorization for them */
function loginOf(url: URL): string | undefined {
  const { username, password } = url;
  if (username === "" && password === "") return undefined;
  url.username = "";
  url.password = "";
  const text = `${decoded(username)}:${decoded(password)}`;
  return `Basic ${new TextEncoder().encode(text).toBase64()}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function named(name: string | undefined): Record<string, string> {
  return name === undefined ? {} : { "service.name": name };
}

/** The samplers of the specification that need no server of their own. */
function samplingOf(
  name: string | undefined = "parentbased_always_on",
  argument: string | undefined,
  warn: (message: string) => void,
): Sampling {
  const [, parent, kind] = /^(parentbased_)?(always_on|always_off|traceidratio)$/.exec(name) ?? [];
  if (kind === undefined) {
    warn(`OTEL_TRACES_SAMPLER can't be '${name}'; 'parentbased_always_on' is used`);
    return { ratio: 1, followsParent: true };
  }
  const followsParent = parent !== undefined;
  if (kind !== "traceidratio") return { ratio: kind === "always_on" ? 1 : 0, followsParent };
  const ratio = argument === undefined ? 1 : Number(argument);
  if (ratio >= 0 && ratio <= 1) return { ratio, followsParent };
  warn(`OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, not '${argument}'; 1 is used`);
  return { ratio: 1, followsParent };
}
