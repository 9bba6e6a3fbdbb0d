/** Reads Server-Sent Events (WHATWG HTML, section 9.2). */

/** An event of a stream. */
export interface ServerEvent {
  /** `message` if the stream does not name it. */
  readonly name: string;
  readonly data: string;
}

/** Returns the events of a stream that are complete. */
export function parseEvents(text: string): ServerEvent[] {
  const events: ServerEvent[] = [];
  let name = "";
  let data: string[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  // The last line may not be complete.
  lines.pop();
  for (const line of lines) {
    if (line === "") {
      if (data.length > 0) events.push({ name: name || "message", data: data.join("\n") });
      name = "";
      data = [];
      continue;
    }
    const [, field = "", value = ""] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line) ?? [];
    if (field === "event") name = value;
    if (field === "data") data.push(value);
  }
  return events;
}
