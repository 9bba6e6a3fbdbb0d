/** The console at `/`: its page and the files that the page loads, which are open, and what they ask for, which may need a token. */

import type { Context } from "hono";
import type { Model, Models } from "../../supervisor/mod.ts";
import { VERSION } from "../../version.ts";
import type { AssetName, ConsoleModel, Served } from "../../web/mod.ts";
import type { Incoming } from "../h1/mod.ts";
import { HttpProblem } from "../problem.ts";

/** Loads the console's code, which starts with the first request. */
const web = () => import("../../web/mod.ts");

/** Answers `GET /` with the page. */
export async function consolePage(): Promise<Response> {
  const { loadAsset, pageHeaders, renderPage } = await web();
  const [script, style] = await Promise.all([loadAsset("app.js"), loadAsset("app.css")]);
  return new Response(renderPage({ script: script.hash, style: style.hash }), { headers: pageHeaders });
}

/** Answers `GET /docs` with a page that shows `/openapi.json`. */
export async function docsPage(): Promise<Response> {
  const { docsHeaders, loadAsset, renderDocs } = await web();
  const [script, swagger, swaggerStyle, style] = await Promise.all([
    loadAsset("docs.js"),
    loadAsset("swagger-ui-bundle.js"),
    loadAsset("swagger-ui.css"),
    loadAsset("docs.css"),
  ]);
  const html = renderDocs({
    script: script.hash,
    swagger: swagger.hash,
    swaggerStyle: swaggerStyle.hash,
    style: style.hash,
  });
  return new Response(html, { headers: docsHeaders });
}

/** Makes the handler of a file that the page loads. With its hash as the query `v`, a browser may keep it for good. */
export function consoleAsset(name: AssetName) {
  return async function consoleAsset(c: Context): Promise<Response> {
    const { contentType, bytes, gzip, hash } = await (await web()).loadAsset(name);
    const compressed = /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");
    return new Response(compressed ? gzip : bytes, {
      headers: {
        "content-type": contentType,
        "cache-control": queryOf(c).get("v") === hash ? "public, max-age=31536000, immutable" : "no-store",
        vary: "accept-encoding",
        ...(compressed && { "content-encoding": "gzip" }),
      },
    });
  };
}

/** Makes the handler that tells the page what is served. */
export function consoleModels(models: Models) {
  const { all } = models;
  return async function consoleModels(c: Context): Promise<Response> {
    const { listSamples, hasSchema } = await import("../../web/samples.ts");
    const about = (model: Model): ConsoleModel => ({
      name: model.name,
      state: model.state,
      path: all.length === 1 ? "invocations" : `models/${model.name}/invocations`,
      facts: model.facts ?? {},
      samples: model.module === undefined ? [] : listSamples(model.module),
      schema: model.module !== undefined && hasSchema(model.module),
      tensors: model.signature,
    });
    return c.json({ version: VERSION, models: all.map(about) } satisfies Served, 200, NOT_CACHED);
  };
}

/** Makes the handler that sends a sample: `?model=NAME&name=FILE`. */
export function consoleSample(models: Models) {
  return async function consoleSample(c: Context): Promise<Response> {
    const query = queryOf(c);
    const { readSample } = await import("../../web/samples.ts");
    const name = query.get("name") ?? "";
    const bytes = await readSample(moduleOf(models, query), name);
    if (bytes === undefined) throw new HttpProblem(404, `The model has no sample '${name.slice(0, 200)}'`);
    return file(bytes, "application/octet-stream");
  };
}

/** Makes the handler that sends the `schema.json` of a module: `?model=NAME`. */
export function consoleSchema(models: Models) {
  return async function consoleSchema(c: Context): Promise<Response> {
    const { readSchema } = await import("../../web/samples.ts");
    const bytes = await readSchema(moduleOf(models, queryOf(c)));
    if (bytes === undefined) throw new HttpProblem(404, "The model has no schema.json");
    return file(bytes, "application/json");
  };
}

const NOT_CACHED = { "cache-control": "no-store" };

/** A file of a module. A browser that is led to it directly saves it, and shows nothing of it. */
function file(bytes: Uint8Array<ArrayBuffer>, contentType: string): Response {
  return new Response(bytes, {
    headers: { ...NOT_CACHED, "content-type": contentType, "content-disposition": "attachment" },
  });
}

/** The folder of the model that a query names. @throws {HttpProblem} 404, or 503 if it is not open yet */
function moduleOf(models: Models, query: URLSearchParams): string {
  const name = query.get("model") ?? "";
  const model = models.get(name);
  if (model === undefined) throw new HttpProblem(404, `The model '${name.slice(0, 200)}' does not exist`);
  if (model.module === undefined) throw new HttpProblem(503, `The model '${name}' is not open yet`);
  return model.module;
}

function queryOf(c: Context): URLSearchParams {
  const { target, path } = (c.env as Incoming).head;
  return new URLSearchParams(target.slice(path.length));
}
