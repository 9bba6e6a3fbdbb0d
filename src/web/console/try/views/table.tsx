/** Shows rows as a table. */

import { isExact } from "../exact_json.ts";
import type { Rows } from "../rows.ts";
import { count } from "../../format.ts";

/** How many rows and columns are shown. */
const MAX_ROWS = 200;
const MAX_COLUMNS = 50;

/** The first rows of an answer. */
export function TableView({ rows: { columns, rows } }: { rows: Rows }) {
  const shown = columns.slice(0, MAX_COLUMNS);
  const numeric = shown.map((_, column) => rows.slice(0, MAX_ROWS).every((row) => isNumber(row[column])));
  return (
    <>
      <div class="table" tabindex={0} role="group" aria-label="Rows">
        <table>
          <thead>
            <tr>
              {shown.map((column, index) => (
                <th key={index} scope="col" class={numeric[index] ? "number" : ""}>{column}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, MAX_ROWS).map((row, index) => (
              <tr key={index}>
                {shown.map((_, column) => (
                  <td key={column} class={numeric[column] ? "number" : ""}>{cell(row[column])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="note">
        {count(rows.length, "row")}
        {rows.length > MAX_ROWS && `, of which the first ${MAX_ROWS} are shown`}
        {columns.length > MAX_COLUMNS && `, with the first ${MAX_COLUMNS} of ${columns.length} columns`}
      </p>
    </>
  );
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || isExact(value) ||
    (typeof value === "string" && value.trim() !== "" && !Number.isNaN(Number(value)));
}

function cell(value: unknown): string {
  if (value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
