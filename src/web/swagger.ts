/** The files of Swagger UI (https://github.com/swagger-api/swagger-ui), which shows the server's OpenAPI document at `/docs`. */

import manifest from "swagger-ui-dist/package.json" with { type: "json" };

/** The files that the page loads. The executable carries them, compressed. */
export const SWAGGER_FILES = ["swagger-ui-bundle.js", "swagger-ui.css"] as const;

/** The name of a file that the page loads. */
export type SwaggerFile = typeof SWAGGER_FILES[number];

/** The version of Swagger UI. */
export const SWAGGER_VERSION: string = manifest.version;

/** The folder of the package in the npm cache. The executable has none. */
export function swaggerFolder(): string {
  return new URL(".", import.meta.resolve("swagger-ui-dist/package.json")).pathname.replace(/\/$/, "");
}
