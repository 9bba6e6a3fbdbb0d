/** The tags and names of operations: Swagger UI groups by tags, and generators of clients name functions after operations. */

/** The tags, in the order in which they are shown. */
export const TAGS: readonly { readonly name: string; readonly description: string }[] = [
  { name: "Model", description: "Requests to the script" },
  { name: "OpenAI", description: "For OpenAI's clients, if a script chats or embeds" },
  {
    name: "KServe V1",
    description: "For clients of KServe's first protocol; OpenAI's clients share the list of models",
  },
  { name: "SageMaker", description: "For SageMaker's Batch Transform, and for clients of SageMaker and mlflow" },
  { name: "Open Inference Protocol", description: "Tensors, as clients of KServe and Triton send them" },
  { name: "Health", description: "For load balancers and orchestrators" },
  { name: "Operation", description: "For operators, and for people who read this" },
];

/** Path items by path: operations by method, and parameters of all of them. */
type Paths = Readonly<Record<string, object>>;

/** Adds a tag and an operationId to each operation. */
export function withNames(paths: Paths): Paths {
  const names = new Set<string>();
  // Paths from the command line may differ only in characters that a name does not have.
  const unique = (name: string) => {
    let found = name;
    for (let i = 2; names.has(found); i++) found = `${name}${i}`;
    names.add(found);
    return found;
  };
  return Object.fromEntries(
    Object.entries(paths).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item).map(([method, operation]) => [
          method,
          method === "parameters"
            ? operation
            : { operationId: unique(idOf(method, path)), tags: [tagOf(path)], ...operation },
        ]),
      ),
    ]),
  );
}

/** `getV2ModelsNameReady` for `GET /v2/models/{name}/ready`. */
function idOf(method: string, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter(Boolean);
  return [method, ...words.length === 0 ? ["console"] : words]
    .map((word, i) => i === 0 ? word : `${word[0]!.toUpperCase()}${word.slice(1)}`).join("");
}

function tagOf(path: string): string {
  if (/^\/(metrics|version|admin\/.*|openapi\.json|docs)?$/.test(path)) return "Operation";
  if (/^\/v1\/(chat\/completions|embeddings)$/.test(path)) return "OpenAI";
  if (/^\/v1\/models(\/\{name\}.*)?$/.test(path)) return "KServe V1";
  if (/^\/(endpoints\/\{name\}\/.*|execution-parameters)$/.test(path)) return "SageMaker";
  if (path.startsWith("/v2")) return "Open Inference Protocol";
  return /^\/health(\/|$)|\/ping$/.test(path) ? "Health" : "Model";
}
