/** The HTTP application: maps paths to handlers. */

import { type Context, Hono } from "hono";
import type { Recent } from "../recent/mod.ts";
import type { Model, Models } from "../supervisor/mod.ts";
import type { Tracing } from "../tracing/types.ts";
import { accessLog, logUnreadable } from "./middleware/access_log.ts";
import { bearer } from "./middleware/bearer.ts";
import { guard } from "./middleware/browsers.ts";
import { cors } from "./middleware/cors.ts";
import type { Refusal } from "./middleware/refusal.ts";
import { security } from "./middleware/security.ts";
import { traced, type TracedRoute } from "./middleware/tracing.ts";
import type { Browsers } from "./browsers.ts";
import { Metrics } from "./metrics.ts";
import { toAnswer, toRequest, toResponse } from "./fetch_types.ts";
import { fieldOf, fieldsOf } from "./fields.ts";
import type { Answer, AnswerError, Handle, Head, Incoming, Refuse } from "./h1/mod.ts";
import { problemWriter } from "./error_forms.ts";
import { missing } from "./missing.ts";
import { openAiError } from "./openai/errors.ts";
import { HttpProblem, problemFrom } from "./problem.ts";
import { answerHeaders, contextOf } from "./request_context.ts";
import type { Limits } from "../web/wire.ts";
import { consoleFacts } from "./routes/console_facts.ts";
import { consoleEvents } from "./routes/console_events.ts";
import { type Reload, reloading } from "./routes/admin.ts";
import { consoleAsset, consoleModels, consolePage, consoleSample, consoleSchema, docsPage } from "./routes/console.ts";
import { allReady, live, ready } from "./routes/health.ts";
import {
  infer,
  MODEL_VERSION,
  modelList,
  modelMetadata,
  modelReady,
  serverLive,
  serverMetadata,
  serverReady,
} from "./routes/inference.ts";
import { type InvocationOptions, type Invocations, invocations } from "./routes/invocations.ts";
import { measurements } from "./routes/metrics.ts";
import { openapi } from "./routes/openapi.ts";
import { modelConfig, repositoryIndex, statistics } from "./routes/triton.ts";
import { executionParameters, version } from "./routes/sagemaker.ts";
import { encoded } from "./sagemaker/event_stream.ts";
import { OPENAI_ROUTES, openAiRoute } from "./routes/openai.ts";
import { modelsV1, modelV1 } from "./routes/models_v1.ts";
import type { Tokens } from "./tokens.ts";
import type { Transcoder } from "./v2/mod.ts";

/** Options of {@linkcode createApp}. */
export interface AppOptions extends InvocationOptions {
  /** Additional paths for `/ping` and `/invocations`, which a platform prescribes. */
  readonly healthRoute?: string | undefined;
  readonly predictRoute?: string | undefined;
  /** Additional paths of models: names by path. @default none */
  readonly routes?: ReadonlyMap<string, string> | undefined;
  /** Whether to log each request. */
  readonly accessLog?: boolean | undefined;
  /** The accepted tokens. @default no authentication */
  readonly tokens?: Tokens | undefined;
  /** Whether there is a console at `/`. @default true */
  readonly console?: boolean | undefined;
  /** The limits that the console shows. */
  readonly limits?: Limits | undefined;
  /** Which web pages may send requests. @default all */
  readonly browsers?: Browsers | undefined;
  /** Reads and writes tensors. */
  readonly transcoder: Transcoder;
  /** Keeps the recent past for the console. @default there is no `/console/events` */
  readonly recent?: Recent | undefined;
  /** Traces requests. @default they are not traced */
  readonly tracing?: Tracing | undefined;
  /** Whether connections are encrypted. */
  readonly encrypted?: boolean | undefined;
  /** Replaces the workers of all models. @default `models.reload()` */
  readonly reload?: Reload | undefined;
}

/** The application as one function, and its hono routes alone, for tests. */
export interface App {
  readonly handle: Handle;
  readonly refuse: Refuse;
  readonly answerError: AnswerError;
  /** The hono application. Its Fetch requests have no body; `c.env` is the request of `h1/`, which has one. */
  readonly routes: Hono<{ Bindings: Incoming }>;
}

/** Creates the application for a set of models. */
export function createApp(models: Models, options: AppOptions): App {
  const invocationOptions = { ...options, ownsAuthorization: options.tokens !== undefined };
  // parseHead() has parsed the path. hono would decode it, and could match another route than the one requested.
  const app = new Hono<{ Bindings: Incoming }>({ getPath: (_, context) => context!.env!.head.path });
  const metrics = new Metrics(models, options.tracing);
  const { browsers, tokens, transcoder, limits } = options;
  const open = new Set<string>();
  const secure = security();
  const mayKnow = ({ req }: Context) =>
    tokens === undefined || tokens.check(req.header("authorization") ?? null, req.path) === "good";
  // With tokens, only a request whose token is good for the path gets as far as to the route.
  const isTrusted = ({ head }: Incoming) => tokens !== undefined || browsers?.isLocal(head) === true;
  const get = (path: string, handler: Handler) => app.get(path, secure, metrics.measured({ route: path }, handler));
  const [only] = models.all.length === 1 ? models.all : [];
  const modelPaths = new Map<string, Invocations>();
  const add = (path: string, handler: Invocations) => {
    app.post(path, async ({ env }) => toResponse(await handler(env)));
    modelPaths.set(path, handler);
  };
  const invoke = (path: string, route: string, model: Model) => {
    const meter = metrics.meter({ route, model: model.name }, true);
    const handler = encoded(path, invocations(model, invocationOptions, meter, problemWriter(path)));
    add(path, handler);
  };
  for (const path of only === undefined ? [] : namesOf("/invocations", options.predictRoute)) invoke(path, path, only!);
  for (const [path, name] of options.routes ?? []) invoke(path, path, models.get(name)!);
  for (const path of ["/health", "/health/ready", ...namesOf("/ping", options.healthRoute)]) {
    get(path, allReady(models, mayKnow));
  }
  get("/health/live", live);
  get("/metrics", measurements(metrics));
  get("/version", version);
  if (only !== undefined) {
    get("/execution-parameters", executionParameters(only, { ...limits, maxBody: options.maxBody }));
  }
  if (options.console ?? true) {
    // One route in metrics: the page's requests are not those of clients.
    const part = (path: string, handler: Handler) =>
      app.get(path, secure, metrics.measured({ route: "/console" }, handler));
    get("/", consolePage);
    get("/docs", docsPage);
    // The pages are the same for everybody, and show nothing until they have a token.
    for (const path of ["/", "/docs"]) open.add(path);
    for (const name of ASSETS) {
      part(`/console/${name}`, consoleAsset(name));
      open.add(`/console/${name}`);
    }
    part("/console/models", consoleModels(models));
    const mayReload = (request: Incoming) =>
      isTrusted(request) &&
      (tokens === undefined || tokens.check(fieldOf(request.head.fields, "authorization"), "/admin/reload") === "good");
    part(
      "/console/facts",
      consoleFacts(models, { limits, secured: tokens !== undefined, mayReadLog: isTrusted, mayReload }),
    );
    part("/console/sample", consoleSample(models));
    part("/console/schema", consoleSchema(models));
  }
  get(
    "/openapi.json",
    openapi(models, {
      title: models.all.map(({ name }) => name).join(", "),
      names: models.all.map(({ name }) => name),
      predictRoute: options.predictRoute,
      healthRoute: options.healthRoute,
      routes: [...options.routes?.keys() ?? []],
      console: options.console,
      secured: options.tokens !== undefined,
    }, options.console ?? true),
  );
  if (options.recent !== undefined) {
    options.recent.attach(models, (model, into) => metrics.countRequests(model, into));
    app.get("/console/events", metrics.measured({ route: "/console" }, consoleEvents(options.recent, isTrusted)));
  }
  const reload = options.reload ?? (() => models.reload());
  app.post("/admin/reload", metrics.measured({ route: "/admin/reload" }, reloading(models, reload, isTrusted)));
  get("/v2", serverMetadata);
  get("/v2/health/live", serverLive);
  get("/v2/health/ready", serverReady(models));
  get("/v2/models", modelList(models));
  const created = Math.floor(Date.now() / 1000);
  get("/v1/models", modelsV1(models, created));
  const ofModels = new Map<string, TracedRoute>();
  for (const model of models.all) {
    // Each model gets its own paths: hono finds paths without parameters by one table look-up.
    const named = (route: string) => {
      const path = route.replace("{name}", model.name);
      ofModels.set(path, { route, model: model.name });
      return path;
    };
    const get = (route: string, handler: Handler) =>
      app.get(named(route), secure, metrics.measured({ route, model: model.name }, handler));
    for (const route of INVOCATIONS) {
      const path = named(route);
      // Platforms and --route may prescribe the same path.
      if (!modelPaths.has(path)) invoke(path, route, model);
    }
    get("/models/{name}/ping", ready(model));
    for (const path of ["/v2/models/{name}", `/v2/models/{name}/versions/${MODEL_VERSION}`]) {
      get(path, modelMetadata(model));
      get(`${path}/ready`, modelReady(model));
      get(`${path}/config`, modelConfig(model));
      get(`${path}/stats`, statistics([model], metrics));
      const route = `${path}/infer`;
      const inference = named(route);
      if (modelPaths.has(inference)) continue;
      const meter = metrics.meter({ route, model: model.name }, true);
      add(inference, infer(model, invocationOptions, transcoder, meter, problemWriter(route)));
    }
    get("/v1/models/{name}", modelV1(model, created));
  }
  // A model of this name has its metadata there.
  if (models.get("stats") === undefined) get("/v2/models/stats", statistics(models.all, metrics));
  const index = "/v2/repository/index";
  app.post(index, metrics.measured({ route: index }, repositoryIndex(models)));
  const refusal: Refusal = ({ head }, problem) => {
    metrics.countOther(problem.status);
    return Promise.resolve(answerOf(head, problem));
  };
  for (const [path, api] of OPENAI_ROUTES) {
    // --route may lead to a script that does without `aimodellib.openai`.
    if (modelPaths.has(path)) continue;
    const handlerOf = (model: Model) =>
      invocations(model, invocationOptions, metrics.meter({ route: path, model: model.name }, true), openAiError);
    const handler = openAiRoute(models, { api, maxBody: options.maxBody, handlerOf, refuse: refusal });
    add(path, handler);
  }
  // 405 is answered here: catch-all routes would add a handler to every request.
  const methods = new Map(
    app.routes.filter(({ method }) => method !== "ALL").map((
      { path, method },
    ) => [path, method === "GET" ? "GET, HEAD" : method]),
  );
  for (const path of methods.keys()) if (OPEN.test(path) || path === options.healthRoute) open.add(path);
  app.notFound(({ req, env }) => {
    const { path } = req;
    const { method } = env.head;
    const allow = methods.get(path);
    const problem = allow === undefined
      ? missing(path, models)
      : new HttpProblem(405, `'${path}' does not support ${method}, only ${allow}`, {}, { allow });
    metrics.countOther(problem.status);
    return respond(env, problem);
  });
  app.onError((error, { env }) => respond(env, problemFrom(error)));
  const refuse: Refuse = (error, request) => {
    const problem = problemFrom(error);
    metrics.countOther(problem.status);
    const context = contextOf(NO_FIELDS);
    if (options.accessLog) logUnreadable(problem.status, request, context.id);
    return problem.with(answerHeaders(context)).toAnswer();
  };
  const routed: Handle = async (request) => await toAnswer(await app.fetch(toRequest(request), request));
  // Requests to models do not go through hono, which would make a Request and a Response for each.
  let handle: Handle = (request) => {
    const { method, path } = request.head;
    const handler = method === "POST" ? modelPaths.get(path) : undefined;
    return handler === undefined ? routed(request) : handler(request);
  };
  // The wrapper added last sees a request first.
  if (tokens !== undefined) handle = bearer(tokens, open, refusal, handle);
  if (browsers !== undefined) handle = guard(browsers, refusal, handle);
  if (browsers?.cors) handle = cors(browsers, () => metrics.countOther(200), handle);
  if (options.accessLog) handle = accessLog(handle);
  if (options.tracing !== undefined) {
    const untraced = new Set([...open, ...[...methods.keys()].filter((path) => UNTRACED.test(path))]);
    const scheme = options.encrypted ? "https" : "http";
    handle = traced(
      options.tracing,
      tracedRoutes(methods.keys(), ofModels, options.routes, only),
      untraced,
      scheme,
      handle,
    );
  }
  return { routes: app, refuse, answerError, handle };
}

/** Answers for a handler that throws, which happens only by a bug. */
const answerError: AnswerError = (error) => problemFrom(error).toAnswer();

const NO_FIELDS = fieldsOf([]);

function respond({ head }: Incoming, problem: HttpProblem): Response {
  return toResponse(answerOf(head, problem));
}

/** Adds the request's id to a problem, and writes it in the form of the path. */
function answerOf({ path, fields }: Head, problem: HttpProblem): Answer {
  const known = "x-request-id" in problem.headers;
  return problemWriter(path)(known ? problem : problem.with(answerHeaders(contextOf(fieldsOf(fields)))));
}

/** Health paths of the server and of models, which orchestrators and load balancers must reach without a token. */
const OPEN =
  /^(\/models\/[^/]+)?\/ping$|^\/health$|^(\/v2)?\/health\/(ready|live)$|^\/v2\/models\/[^/]+(\/versions\/[^/]+)?\/ready$/;

/** The paths of requests to a model by its name, in several protocols. */
const INVOCATIONS = [
  "/models/{name}/invocations",
  "/v1/models/{name}:predict",
  "/endpoints/{name}/invocations",
  "/endpoints/{name}/invocations-response-stream",
] as const;

/** The files that the console's pages load. */
const ASSETS = [
  "app.js",
  "app.css",
  "icon.svg",
  "docs.js",
  "docs.css",
  "swagger-ui-bundle.js",
  "swagger-ui.css",
] as const;

/** Paths of pages, of metrics and of statistics: their requests are no work of a model, and come at intervals. */
const UNTRACED = /^\/(?:metrics|v2\/models\/(?:.*\/)?stats|openapi\.json|console\/.*)$/;

/** What all paths lead to, for traces. */
function tracedRoutes(
  paths: Iterable<string>,
  ofModels: ReadonlyMap<string, TracedRoute>,
  routes: AppOptions["routes"],
  only: Model | undefined,
): ReadonlyMap<string, TracedRoute> {
  return new Map(
    Array.from(paths, (path) => [path, ofModels.get(path) ?? { route: path, model: routes?.get(path) ?? only?.name }]),
  );
}

/** The set of paths of one handler. */
function namesOf(path: string, other: string | undefined): ReadonlySet<string> {
  return new Set(other === undefined ? [path] : [path, other]);
}

type Handler = (c: Context) => Response | Promise<Response>;
