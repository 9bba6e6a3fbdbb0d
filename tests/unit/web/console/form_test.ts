import assert from "node:assert/strict";
import {
  hasDrawing,
  initialOf,
  resolve,
  type Schema,
  sideOf,
  widgetOf,
} from "../../../../src/web/console/try/form/schema.ts";
import { isTensorRequest, proposeRequest, withData } from "../../../../src/web/console/try/form/tensors.ts";

const DRAWING: Schema = {
  type: "array",
  format: "drawing",
  minItems: 64,
  maxItems: 64,
  items: { type: "number", minimum: 0, maximum: 16 },
};

Deno.test("widgetOf() chooses a field by the schema of a value", () => {
  const chosen = ([
    { type: "object", properties: {} },
    { properties: { a: {} } },
    { type: "object" },
    DRAWING,
    { ...DRAWING, maxItems: 63 },
    { type: "array", items: {} },
    { type: "array" },
    { enum: ["a", 1, null] },
    { type: ["null", "boolean"] },
    { type: "integer" },
    { type: "string" },
    { type: "string", maxLength: 1000 },
    {},
  ] as Schema[]).map(widgetOf);
  assert.deepEqual(chosen, [
    "object",
    "object",
    "json",
    "drawing",
    "list",
    "list",
    "json",
    "choice",
    "boolean",
    "number",
    "text",
    "long-text",
    "json",
  ]);
});

Deno.test("resolve() follows references, and ends in a circle of them", () => {
  const root: Schema = {
    $ref: "#/$defs/a",
    ...{
      $defs: { a: { $ref: "#/$defs/b~1c", title: "A" }, "b/c": { type: "number" }, loop: { $ref: "#/$defs/loop" } },
    },
  };
  assert.deepEqual(resolve(root, root), {
    type: "number",
    title: "A",
    ...{ $defs: (root as { $defs: unknown }).$defs },
  });
  resolve({ $ref: "#/$defs/loop" }, root);
  assert.equal(initialOf({ $ref: "#/$defs/nothing" }, root), null);
  assert.equal(resolve({ anyOf: [{ type: "null" }, { type: "string" }] }, root).type, "string");
});

Deno.test("initialOf() proposes defaults, examples and values of the type", () => {
  const schema: Schema = {
    type: "object",
    required: ["text", "count", "list", "pixels", "deep"],
    properties: {
      text: { type: "string", examples: ["hello"] },
      count: { type: "integer", minimum: 3 },
      list: { type: "array", items: { type: "boolean" } },
      pixels: DRAWING,
      deep: { properties: { choice: { enum: ["x", "y"] } } },
      optional: { type: "string" },
    },
  };
  assert.deepEqual(initialOf(schema, schema), {
    text: "hello",
    count: 3,
    list: [false],
    pixels: Array(64).fill(0),
    deep: { choice: "x" },
  });
});

Deno.test("initialOf() ends with a schema that contains itself", () => {
  const tree: Schema = { type: "object", properties: { child: { $ref: "#" } } };
  assert.ok(JSON.stringify(initialOf(tree, tree)).length > 10);
});

Deno.test("hasDrawing() finds a drawing below the root, and sideOf() its side", () => {
  assert.ok(hasDrawing({ properties: { inputs: DRAWING } }, {}));
  assert.ok(!hasDrawing({ properties: { inputs: { ...DRAWING, format: "x" } } }, {}));
  assert.equal(sideOf(DRAWING), 8);
  assert.equal(sideOf({ maxItems: 784 }), 28);
  for (const maxItems of [0, 9, 65, 4900]) assert.equal(sideOf({ maxItems }), undefined);
});

Deno.test("a request of tensors gets the shape that its data have", () => {
  const spec = { name: "x", datatype: "FP32", shape: [-1, 2] };
  const request = proposeRequest([spec, { name: "y", datatype: "BYTES", shape: [1] }]);
  assert.deepEqual(request.inputs.map(({ shape, data }) => [shape, data]), [[[1, 2], [0, 0]], [[1], [""]]]);
  assert.ok(isTensorRequest(request));
  assert.ok(!isTensorRequest({ inputs: [[1]] }) && !isTensorRequest({ inputs: [] }) && !isTensorRequest(null));
  assert.deepEqual(withData(request.inputs[0]!, spec, [1, 2, 3, 4]).shape, [2, 2]);
  assert.deepEqual(withData(request.inputs[0]!, spec, [[1, 2], [3, 4], [5, 6]]).shape, [3, 2]);
});

Deno.test("initialOf() makes a bounded value for a schema that refers to itself in several places", () => {
  const tree: Schema = JSON.parse(`{"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}`);
  const lists: Schema = JSON.parse(`{"type": "array", "minItems": 4, "items": {"$ref": "#"}}`);
  for (const schema of [tree, lists]) {
    const text = JSON.stringify(initialOf(schema, schema));
    assert.ok(text.length < 50_000, `${text.length}`);
  }
});
