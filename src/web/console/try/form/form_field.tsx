/** The body as a form: of the module's schema, or else of the tensors that the script describes. */

import type { ConsoleModel } from "../../../served.ts";
import { useStore } from "../../store.ts";
import { draft } from "../draft.ts";
import { parseIfJson } from "../exact_json.ts";
import { Field, JsonField } from "./fields.tsx";
import { schema as schemas } from "./form_store.ts";
import { initialOf } from "./schema.ts";
import { elementOf, inputsOf, isTensorRequest, proposeRequest, type Tensor, withData } from "./tensors.ts";

/** The form. Its values are the draft's JSON, which the editor shows as well. */
export function FormField({ model, onDrawn }: { model: ConsoleModel; onDrawn: () => void }) {
  const loaded = useStore(schemas);
  const { json } = useStore(draft);
  const value = parseIfJson(json)?.value;
  const change = (changed: unknown) => draft.patch({ json: JSON.stringify(changed) });
  if (loaded !== undefined) {
    const { schema } = loaded;
    return (
      <div class="form">
        <Field
          schema={{ ...schema, title: "" }}
          root={schema}
          name=""
          value={value ?? initialOf(schema, schema)}
          onChange={change}
          onDrawn={onDrawn}
        />
      </div>
    );
  }
  const specs = inputsOf(model.tensors);
  const request = isTensorRequest(value) ? value : proposeRequest(specs);
  return (
    <div class="form">
      {specs.map((spec, index) => {
        const tensor = request.inputs[index] ?? proposeRequest([spec]).inputs[0]!;
        return (
          <JsonField
            key={spec.name}
            schema={{ description: `${spec.datatype} [${tensor.shape.join(", ")}]`, items: elementOf(spec.datatype) }}
            root={{}}
            name={spec.name}
            label={spec.name}
            value={tensor.data}
            onChange={(data) => {
              if (!Array.isArray(data)) return;
              const inputs: Tensor[] = specs.map((_, at) => request.inputs[at] ?? tensor);
              change({ ...request, inputs: inputs.with(index, withData(tensor, spec, data)) });
            }}
            onDrawn={onDrawn}
          />
        );
      })}
    </div>
  );
}

/** Shows the form of a model, with values to begin with. */
export function beginForm(model: ConsoleModel): void {
  const loaded = schemas.value?.schema;
  const value = parseIfJson(draft.value.json)?.value;
  if (loaded !== undefined) {
    const json = value === undefined || isTensorRequest(value)
      ? JSON.stringify(initialOf(loaded, loaded))
      : draft.value.json;
    draft.patch({ kind: "form", json, contentType: "application/json", v2: false, fault: "" });
  } else {
    const json = isTensorRequest(value) ? draft.value.json : JSON.stringify(proposeRequest(inputsOf(model.tensors)));
    draft.patch({ kind: "form", json, contentType: "application/json", v2: true, fault: "" });
  }
}
