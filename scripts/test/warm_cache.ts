/** Makes the cache that the tests of the executable copy (`tests/e2e/support/warm_cache.ts`). */

import { runOrThrow } from "../build/process.ts";

/** A model that answers with its input. */
const MODULE = `
def train(model_dir): pass
def load(model_dir): return None
def deserialize(data, content_type): return data
def predict(data, model): return data
def serialize(data, accepted): return data, "text/plain"
`;

/**
 * Trains and predicts with a new cache: the executable lays out its Python files there, and Python caches the bytecode of those that most
 * runs import.
 *
 * @param cache is replaced
 * @throws {Error} if the executable fails
 */
export async function makeWarmCache(cache: string, executable: string, python: string): Promise<void> {
  const module = `${cache}-module`;
  for (const folder of [cache, `${module}/model`]) Deno.mkdirSync(folder, { recursive: true });
  for (const { name } of Deno.readDirSync(cache)) Deno.removeSync(`${cache}/${name}`, { recursive: true });
  Deno.writeTextFileSync(`${module}/model.py`, MODULE);
  const options = { env: { AIMODELLIB_CACHE_DIR: cache, AIMODELLIB_PYTHON: python, PYTHONDONTWRITEBYTECODE: "" } };
  const words = [module, "model.py", `${module}/model`];
  await runOrThrow("train for the cache of the tests", executable, ["train", ...words], options);
  await runOrThrow(
    "predict for the cache of the tests",
    executable,
    ["predict", ...words, `${module}/model.py`],
    options,
  );
}
