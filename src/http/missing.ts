/** Says why there is nothing at a path: the model does not exist, or the server does not have that part of a protocol. */

import type { Models } from "../supervisor/mod.ts";
import { HttpProblem } from "./http_problem.ts";

/** Makes the problem for a path that no route matches. */
export function missing(path: string, models: Models): HttpProblem {
  const names = models.all.map(({ name }) => `'${name}'`).join(", ");
  if (path === "/invocations") {
    return new HttpProblem(
      404,
      `There are several models: POST to /models/NAME/invocations; NAME is one of ${names}`,
    );
  }
  if (path === "/execution-parameters") {
    return new HttpProblem(404, `There are several models: SageMaker's Batch Transform serves a single one`);
  }
  if (/^\/v2\/repository\/models\/[^/]+\/(?:load|unload)$/.test(path)) {
    return new HttpProblem(
      501,
      "Clients can't load or unload models: the command line of 'serve' names them. POST /admin/reload loads all of them again",
    );
  }
  const [, name, rest = ""] = /^\/(?:(?:v[12]\/)?models|endpoints)\/([^/:]+)(.*)$/.exec(path) ?? [];
  if (name === undefined) return new HttpProblem(404, `No route matches '${path}'`);
  if (models.get(name) === undefined) {
    const members = path.startsWith("/v1/") ? { param: "model", code: "model_not_found" } : {};
    return new HttpProblem(404, `The model '${name}' does not exist; known models: ${names}`, members);
  }
  if (path.startsWith("/v1/") && rest === ":explain") {
    return new HttpProblem(
      501,
      `The model '${name}' explains no predictions. If its script does, 'serve --route ${path}=${name}' passes these requests to it`,
    );
  }
  if (path.startsWith("/endpoints/") && rest === "/async-invocations") {
    return new HttpProblem(501, "Asynchronous requests are not supported: use invoke_endpoint()");
  }
  return new HttpProblem(404, `No route matches '${path}'`);
}
