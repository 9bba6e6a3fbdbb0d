/** Reads from the environment where a container platform wants the server to listen. */

import { UsageError } from "../errors.ts";

/** Where a container platform wants the server to listen. */
export interface Platform {
  /** Undefined without a platform. */
  readonly port: number | undefined;
  /** All interfaces if there is a port, because the platform connects from outside the container. */
  readonly host: string | undefined;
  /** Paths that the platform uses instead of `/ping` and `/invocations`. */
  readonly healthRoute: string | undefined;
  readonly predictRoute: string | undefined;
}

/** The address that stands for all IPv4 interfaces. */
export const ALL_INTERFACES = "0.0.0.0";

/**
 * Reads the variables of these platforms:
 *
 * - Vertex AI: `AIP_HTTP_PORT`, `AIP_HEALTH_ROUTE`, `AIP_PREDICT_ROUTE`
 *   (https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements)
 * - SageMaker: `SAGEMAKER_BIND_TO_PORT`
 *
 * @throws {UsageError} if a variable has an invalid value
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
