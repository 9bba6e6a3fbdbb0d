/** Parses `--route`: a further path of a model. */

import { UsageError } from "../../errors.ts";

/**
 * Segments of unreserved characters and some delimiters (RFC 3986), which clients and proxies send unchanged. A segment that begins
 * with a colon would be a pattern, and `.` and `..` are resolved by clients.
 */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'(),;=@-][\w.~!$&'(),;=@:-]*)+$/;

/** The most characters of a path. */
const MAX_LENGTH = 1024;

/** The server's own paths, and those below its folders, some of which exist only with some options. */
const OWN =
  /^\/(?:(?:docs|ping|metrics|openapi\.json|v2|models|v1\/models|health|version|execution-parameters|admin|console)(?:\/.*)?|invocations)$/;

/** Requests to a model by its name, in the protocols of KServe and of SageMaker: all that the server does not answer are free. */
const VERB = /^\/v1\/models\/([^/:]+):([^/]+)$/;
const ENDPOINT = /^\/endpoints\/([^/]+)\/invocations(?:-response-stream)?$/;

/** What the paths must differ from, and the models that they may name. */
export interface RouteContext {
  /** The names of all models. */
  readonly names: readonly string[];
  /** The paths that a platform prescribes. */
  readonly platform: readonly (string | undefined)[];
}

/**
 * Parses `PATH=NAME` for each `--route`.
 *
 * @returns the models' names by path
 * @throws {UsageError} if a value has another form, its model does not exist, or its path is taken
 */
export function parseRoutes(texts: readonly string[], { names, platform }: RouteContext): ReadonlyMap<string, string> {
  const routes = new Map<string, string>();
  for (const text of texts) {
    const end = text.lastIndexOf("=");
    const [path, name] = [text.slice(0, end), text.slice(end + 1)];
    if (end < 0 || !PATH.test(path) || path.length > MAX_LENGTH) {
      throw new UsageError(
        `--route must be PATH=NAME, with a path such as '/score' or '/api/v1/score' and the name of a model, not '${text}'`,
      );
    }
    if (!names.includes(name)) {
      const known = names.map((known) => `'${known}'`).join(", ");
      throw new UsageError(`--route '${text}' names the model '${name}', which does not exist; known models: ${known}`);
    }
    if (isOwn(path, names) || platform.includes(path)) {
      throw new UsageError(`--route '${text}' uses '${path}', which is a path of the server: choose another one`);
    }
    if (routes.has(path)) throw new UsageError(`--route uses the path '${path}' twice: each path leads to one model`);
    routes.set(path, name);
  }
  return routes;
}

function isOwn(path: string, names: readonly string[]): boolean {
  const [, asked, verb] = VERB.exec(path) ?? [];
  if (asked !== undefined) return verb === "predict" && names.includes(asked);
  const endpoint = ENDPOINT.exec(path)?.[1];
  if (endpoint !== undefined) return names.includes(endpoint);
  // With several models, /invocations leads to none of them.
  return OWN.test(path) && !(path === "/invocations" && names.length > 1);
}
