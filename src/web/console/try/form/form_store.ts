/** The schema of the chosen model's requests, once it is loaded. */

import { requestJson, schemaUrl } from "../../api.ts";
import type { ConsoleModel } from "../../../served.ts";
import { Store } from "../../store.ts";
import type { Schema } from "./schema.ts";

/** A loaded schema with the name of its model; undefined if there is none. */
export const schema: Store<{ readonly model: string; readonly schema: Schema } | undefined> = new Store<
  { readonly model: string; readonly schema: Schema } | undefined
>(undefined);

/** Loads the schema of a model. If it can't be read, the form is not offered; other ways to make a body remain. */
export async function loadSchema(model: ConsoleModel): Promise<Schema | undefined> {
  schema.set(undefined);
  if (!model.schema) return undefined;
  const found = await requestJson<Schema>(schemaUrl(model.name)).catch(() => undefined);
  if (typeof found !== "object" || found === null || Array.isArray(found)) return undefined;
  schema.set({ model: model.name, schema: found });
  return found;
}
