/** Makes text of the bytes of an answer. */

/** The first bytes of an answer as text. @param limit how many characters are enough */
export function decode(chunks: readonly Uint8Array<ArrayBuffer>[], contentType: string, limit: number): string {
  const decoder = decoderOf(contentType);
  let text = "";
  for (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > limit) break;
  }
  return text;
}

/** The decoder for a type: of the encoding that it names, if browsers know that, else of UTF-8, which all streams of events have. */
function decoderOf(contentType: string): TextDecoder {
  const [, name] = /^(?!text\/event-stream\b).*;\s*charset="?([^\s;"]+)/i.exec(contentType) ?? [];
  try {
    return new TextDecoder(name);
  } catch {
    return new TextDecoder();
  }
}
