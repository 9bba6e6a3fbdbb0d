/** JSON Schema, as far as forms need it: https://json-schema.org/draft/2020-12. A form proposes values; the model decides about them. */

/** A schema. Keywords that are not here are ignored. */
export interface Schema {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** How a value is entered. */
export type Widget = "object" | "drawing" | "list" | "choice" | "boolean" | "number" | "text" | "long-text" | "json";

/** How many references to other schemas are followed, one after another. */
const MAX_REFERENCES = 20;

/** How many values a form begins with: a schema that refers to itself in several places has more than a page can show. */
const MAX_VALUES = 1000;

/** Texts that may be this long, in characters, get several lines. */
const LONG_TEXT = 200;

/** Follows the references of a schema, and takes the first alternative that is not null. */
export function resolve(schema: Schema | undefined, root: Schema): Schema {
  let found: Schema = isSchema(schema) ? schema : {};
  for (let count = 0; count < MAX_REFERENCES; count++) {
    const { $ref, anyOf, oneOf } = found;
    const alternatives = anyOf ?? oneOf;
    if (typeof $ref === "string") found = { ...at($ref, root), ...without(found) };
    else if (Array.isArray(alternatives)) {
      const first = alternatives.find((one: Schema) => isSchema(one) && one.type !== "null");
      found = { ...(first ?? {}), ...without(found) };
    } else break;
  }
  return found;
}

/** Decides how a value of a resolved schema is entered. */
export function widgetOf(schema: Schema): Widget {
  const type = typeOf(schema);
  if (Array.isArray(schema.enum)) return "choice";
  if (type === "array" && schema.format === "drawing" && sideOf(schema) !== undefined) return "drawing";
  switch (type) {
    case "object":
      return isSchema(schema.properties) ? "object" : "json";
    case "array":
      return isSchema(schema.items) ? "list" : "json";
    case "boolean":
      return "boolean";
    case "number":
    case "integer":
      return "number";
    case "string":
      return (schema.maxLength ?? 0) > LONG_TEXT || schema.format === "textarea" ? "long-text" : "text";
    default:
      return "json";
  }
}

/** The type of a value; of several, the first that is not null. */
export function typeOf({ type, properties, items }: Schema): string | undefined {
  const first = Array.isArray(type) ? type.find((name) => name !== "null") : type;
  return typeof first === "string"
    ? first
    : properties !== undefined
    ? "object"
    : items !== undefined
    ? "array"
    : undefined;
}

/** The side of a square drawing, in pixels, from the length of its list; undefined if the length is not the square of a number from 4 to 64. */
export function sideOf({ minItems, maxItems }: Schema): number | undefined {
  const side = Math.sqrt(maxItems ?? minItems ?? 0);
  return Number.isInteger(side) && side >= 4 && side <= 64 ? side : undefined;
}

/** The range of a drawing's pixels: background and ink. */
export function rangeOf({ items }: Schema): readonly [background: number, ink: number] {
  return [items?.minimum ?? 0, items?.maximum ?? 1];
}

/** Makes the value that a form begins with: the schema's default or example, else one of its type. */
export function initialOf(schema: Schema | undefined, root: Schema): unknown {
  return initialWithin(schema, root, 0, { values: MAX_VALUES });
}

function initialWithin(schema: Schema | undefined, root: Schema, depth: number, room: { values: number }): unknown {
  const found = resolve(schema, root);
  for (const value of [found.default, found.const, found.examples?.[0], found.enum?.[0]]) {
    if (value !== undefined) return value;
  }
  if (depth > MAX_REFERENCES || room.values-- <= 0) return null;
  switch (widgetOf(found)) {
    case "object":
      return Object.fromEntries(
        Object.entries(found.properties!).filter(([name]) => (found.required ?? [name]).includes(name)).map((
          [name, member],
        ) => [name, initialWithin(member, root, depth + 1, room)]),
      );
    case "drawing":
      return Array.from({ length: sideOf(found)! ** 2 }, () => rangeOf(found)[0]);
    case "list":
      return Array.from(
        { length: Math.min(found.minItems ?? 1, 100) },
        () => initialWithin(found.items, root, depth + 1, room),
      );
    case "boolean":
      return false;
    case "number":
      return Math.max(found.minimum ?? 0, Math.min(0, found.maximum ?? 0));
    case "text":
    case "long-text":
      return "";
    default:
      return typeOf(found) === "array" ? [] : typeOf(found) === "object" ? {} : null;
  }
}

/** Whether a schema has a drawing in it, which is then the first thing to show. */
export function hasDrawing(schema: Schema | undefined, root: Schema, depth = 0): boolean {
  const found = resolve(schema, root);
  if (widgetOf(found) === "drawing") return true;
  return depth < 3 && widgetOf(found) === "object" &&
    Object.values(found.properties!).some((member) => hasDrawing(member, root, depth + 1));
}

function isSchema(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function without({ $ref: _, anyOf: _any, oneOf: _one, ...rest }: Schema): Schema {
  return rest;
}

/** Finds the schema that a local reference, such as `#/$defs/image`, names. */
function at(reference: string, root: Schema): Schema {
  let found: unknown = reference.startsWith("#") ? root : {};
  for (const part of reference.slice(1).split("/").slice(1)) {
    const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    found = isSchema(found) && Object.hasOwn(found, name) ? found[name] : {};
  }
  return isSchema(found) ? found : {};
}
