/** Texts about options, in the form of the library that parses unusual command lines. Making them does not load that library. */

import type { Message, MessageTerm } from "@optique/core/message";

export type { Message, MessageTerm };

/** Makes a text from a template, in which each value is a literal: a word to type, a file's name, a variable. */
export function message(texts: TemplateStringsArray, ...literals: readonly string[]): Message {
  const terms: MessageTerm[] = [];
  for (const [index, text] of texts.entries()) {
    if (text !== "") terms.push({ type: "text", text });
    const value = literals[index];
    if (value !== undefined) terms.push({ type: "value", value });
  }
  return terms;
}
