/** What the platforms that run containers say of where to listen. */

import { UsageError } from "../errors.ts";

/** Where a platform that runs containers wants the server to listen. */
export interface Platform {
  /** Undefined if there is none. */
  readonly port: number | undefined;
  /** All interfaces, if there is a port: who asks is outside of the container. */
  readonly host: string | undefined;
  /** Paths that are asked in place of `/ping` and `/invocations`. */
  readonly healthRoute: string | undefined;
  readonly predictRoute: string | undefined;
}

/** In a container that a platform talks to. */
export const ALL_INTERFACES = "0.0.0.0";

/**
 * Reads it from the environment:
 *
 * - Vertex AI: `AIP_HTTP_PORT`, `AIP_HEALTH_ROUTE`, `AIP_PREDICT_ROUTE`
 *   (https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements)
 * - SageMaker: `SAGEMAKER_BIND_TO_PORT`
 *
 * @throws {UsageError} if a variable says what can't be meant
 */
export function platformOf(env: (name: string) => string | undefined): Platform {
  const port = env("AIP_HTTP_PORT") ? "AIP_HTTP_PORT" : env("SAGEMAKER_BIND_TO_PORT") ? "SAGEMAKER_BIND_TO_PORT" : "";
  return {
    port: port === "" ? undefined : portIn(port, env(port)!),
    host: port === "" ? undefined : ALL_INTERFACES,
    healthRoute: routeIn("AIP_HEALTH_ROUTE", env("AIP_HEALTH_ROUTE")),
    predictRoute: routeIn("AIP_PREDICT_ROUTE", env("AIP_PREDICT_ROUTE")),
  };
}

function portIn(name: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65535) return port;
  throw new UsageError(`${name} must be a port from 1 to 65535, not '${text}'`);
}

function routeIn(name: string, text: string | undefined): string | undefined {
  if (!text) return undefined;
  if (/^\/[\w./~:@!$&'()+,;=%-]*$/.test(text)) return text;
  throw new UsageError(`${name} must be a path such as /predict, not '${text}'`);
}
