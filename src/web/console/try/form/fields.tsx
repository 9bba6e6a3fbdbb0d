/** The fields of a form: one for each value that a schema describes. */

import { useEffect, useRef, useState } from "hono/jsx/dom";
import { isContainer, isExact, parseIfJson, parseJson } from "../exact_json.ts";
import { DrawingField } from "./drawing_field.tsx";
import { initialOf, resolve, type Schema, typeOf, widgetOf } from "./schema.ts";

/** A value of the form, its schema, and the function to call with a new value. */
export interface FieldProps {
  readonly schema: Schema | undefined;
  /** The document that references are relative to. */
  readonly root: Schema;
  readonly name: string;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  /** Called after each stroke of a drawing. */
  readonly onDrawn: () => void;
}

/** The field for a value, by its schema. */
export function Field(props: FieldProps) {
  const schema = resolve(props.schema, props.root);
  const label = schema.title ?? props.name;
  const inner = { ...props, schema };
  switch (widgetOf(schema)) {
    case "object":
      return <ObjectField {...inner} label={label} />;
    case "list":
      return <ListField {...inner} label={label} />;
    case "drawing":
      return (
        <DrawingField
          schema={schema}
          label={label}
          value={props.value}
          onChange={props.onChange}
          onDrawn={props.onDrawn}
        />
      );
    case "boolean":
      return (
        <label class="check">
          <input
            type="checkbox"
            checked={props.value === true}
            onChange={(event: Event) => props.onChange((event.currentTarget as HTMLInputElement).checked)}
          />{" "}
          {label}
          <Says schema={schema} />
        </label>
      );
    case "choice":
      return <ChoiceField {...inner} label={label} />;
    case "number":
      return <NumberField {...inner} label={label} />;
    case "text":
    case "long-text":
      return <StringField {...inner} label={label} long={widgetOf(schema) === "long-text"} />;
    case "json":
      return <JsonField {...inner} label={label} />;
  }
}

type Inner = FieldProps & { readonly schema: Schema; readonly label: string };

function Says({ schema }: { schema: Schema }) {
  return schema.description === undefined ? null : <span class="says">{schema.description}</span>;
}

function ObjectField({ schema, root, value, onChange, onDrawn, label }: Inner) {
  const members = isRecord(value) ? value : {};
  const fields = Object.entries(schema.properties!).map(([name, member]) => (
    <Field
      key={name}
      schema={member}
      root={root}
      name={name}
      value={members[name]}
      onChange={(changed) => onChange({ ...members, [name]: changed })}
      onDrawn={onDrawn}
    />
  ));
  return label === "" ? <div class="fields">{fields}</div> : (
    <fieldset class="fields">
      <legend>{label}</legend>
      <Says schema={schema} />
      {fields}
    </fieldset>
  );
}

/** Lists of objects and of texts have a field for each item; other lists are edited as JSON. */
function ListField(props: Inner) {
  const { schema, root, value, onChange, onDrawn, label } = props;
  const items = Array.isArray(value) ? value : [];
  const inner = widgetOf(resolve(schema.items, root));
  if (items.length > 50 || inner === "number" || inner === "json" || inner === "list") return <JsonField {...props} />;
  return (
    <fieldset class="fields">
      <legend>{label}</legend>
      <Says schema={schema} />
      {items.map((item, index) => (
        <div class="item" key={index}>
          <Field
            schema={schema.items}
            root={root}
            name={String(index + 1)}
            value={item}
            onChange={(changed) => onChange(items.with(index, changed))}
            onDrawn={onDrawn}
          />
          <button
            type="button"
            class="quiet"
            disabled={items.length <= (schema.minItems ?? 0)}
            onClick={() => onChange(items.toSpliced(index, 1))}
          >
            Remove<span class="hidden">{` ${index + 1}`}</span>
          </button>
        </div>
      ))}
      <button
        type="button"
        disabled={items.length >= (schema.maxItems ?? Infinity)}
        onClick={() => onChange([...items, initialOf(schema.items, root)])}
      >
        Add
      </button>
    </fieldset>
  );
}

function ChoiceField({ schema, value, onChange, label }: Inner) {
  const choices = schema.enum!;
  const current = choices.findIndex((choice) => JSON.stringify(choice) === JSON.stringify(value));
  return (
    <label>
      {label}
      <select
        value={String(current)}
        onChange={(event: Event) => onChange(choices[Number((event.currentTarget as HTMLSelectElement).value)])}
      >
        {current < 0 && <option value="-1">–</option>}
        {choices.map((choice, index) => (
          <option key={index} value={String(index)}>
            {typeof choice === "string" ? choice : JSON.stringify(choice)}
          </option>
        ))}
      </select>
      <Says schema={schema} />
    </label>
  );
}

function NumberField({ schema, value, onChange, label }: Inner) {
  const { minimum, maximum, multipleOf } = schema;
  return (
    <label>
      {label}
      <input
        type="number"
        min={minimum}
        max={maximum}
        step={multipleOf ?? (typeOf(schema) === "integer" ? 1 : "any")}
        value={typeof value === "number" ? String(value) : isExact(value) ? value.rawJSON : ""}
        onInput={(event: Event) => {
          const { value: typed, valueAsNumber } = event.currentTarget as HTMLInputElement;
          // An incomplete number, such as "-", does not change the value.
          if (!Number.isNaN(valueAsNumber)) onChange(/^-?[1-9]\d*$/.test(typed) ? parseJson(typed) : valueAsNumber);
        }}
      />
      <Says schema={schema} />
    </label>
  );
}

/** Types of fields for the formats of texts. */
const INPUTS: Readonly<Record<string, string>> = {
  date: "date",
  time: "time",
  email: "email",
  uri: "url",
};

function StringField({ schema, value, onChange, label, long }: Inner & { long: boolean }) {
  const text = typeof value === "string" ? value : "";
  const change = (event: Event) => onChange((event.currentTarget as HTMLInputElement | HTMLTextAreaElement).value);
  return (
    <label>
      {label}
      {long
        ? <textarea rows={4} value={text} onInput={change} />
        : <input type={INPUTS[schema.format ?? ""] ?? "text"} value={text} spellcheck={false} onInput={change} />}
      <Says schema={schema} />
    </label>
  );
}

/** A value that has no field of its own, as JSON. What is typed becomes the value when it is valid. */
export function JsonField({ schema, value, onChange, label }: Inner) {
  const [typed, setTyped] = useState(() => JSON.stringify(value));
  const last = useRef<unknown>(value);
  useEffect(() => {
    // The value was changed elsewhere, such as by the editor of the whole body.
    if (JSON.stringify(last.current) !== JSON.stringify(value)) setTyped(JSON.stringify(value));
    last.current = value;
  }, [value]);
  const isValid = parseIfJson(typed ?? "") !== undefined;
  return (
    <label>
      {label}
      <textarea
        class="field-json"
        rows={(typed ?? "").length > 60 ? 5 : 2}
        spellcheck={false}
        value={typed ?? ""}
        aria-invalid={isValid ? undefined : "true"}
        onInput={(event: Event) => {
          const { value: text } = event.currentTarget as HTMLTextAreaElement;
          setTyped(text);
          const found = parseIfJson(text);
          if (found === undefined) return;
          last.current = found.value;
          onChange(found.value);
        }}
      />
      <Says schema={schema} />
    </label>
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return isContainer(value) && !Array.isArray(value);
}
