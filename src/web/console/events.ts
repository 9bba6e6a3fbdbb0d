/** Reads Server-Sent Events (WHATWG HTML, section 9.2). */

/** An event of a stream. */
export interface ServerEvent {
  /** `message` if the stream does not name it. */
  readonly name: string;
  readonly data: string;
}

/** Reads a stream piece by piece. */
export class EventReader {
  /** The last id of the stream, which a client sends to go on from there. */
  lastId = "";
  #rest = "";
  #name = "";
  #data: string[] = [];

  /** Returns the events that a piece completes. */
  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = `${this.#rest}${text}`.split(/\r\n|\n|\r(?!$)/);
    // The last line may not be complete.
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (line !== "") {
        this.#take(line);
        continue;
      }
      if (this.#data.length > 0) events.push({ name: this.#name || "message", data: this.#data.join("\n") });
      this.#name = "";
      this.#data = [];
    }
    return events;
  }

  #take(line: string): void {
    const [, field = "", value = ""] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line) ?? [];
    if (field === "event") this.#name = value;
    if (field === "data") this.#data.push(value);
    if (field === "id") this.lastId = value;
  }
}

/** Returns the events of a text that are complete. */
export function parseEvents(text: string): ServerEvent[] {
  return new EventReader().push(text);
}
