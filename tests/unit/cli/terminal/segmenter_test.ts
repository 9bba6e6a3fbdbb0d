import { deepEqual, equal } from "node:assert/strict";

Deno.test("deferSegmenters() makes no segmenter until one is needed, and finds the same graphemes", async () => {
  const { Segmenter } = Intl;
  let made = 0;
  class Counted extends Segmenter {
    constructor(...options: ConstructorParameters<typeof Segmenter>) {
      super(...options);
      made++;
    }
  }
  try {
    Object.assign(Intl, { Segmenter: Counted });
    const { deferSegmenters } = await import("../../../../src/cli/terminal/segmenter.ts");
    deferSegmenters();
    const [real, late] = [new Segmenter(), new Intl.Segmenter(undefined, { granularity: "grapheme" })];
    const same = (text: string) => {
      const [expected, found] = [real.segment(text), late.segment(text)];
      deepEqual([...found], [...expected], text);
      for (let i = -1; i <= text.length; i++) deepEqual(found.containing(i), expected.containing(i), `${text} at ${i}`);
      deepEqual(found.containing(), expected.containing());
    };
    for (const text of ["", "a", "Show this help. ~/x"]) same(text);
    equal(made, 0);
    for (const text of ["a\r\nb", "e\u0301\u{1f468}\u200d\u{1f469}", "\x1b[1mx", "ä"]) same(text);
    equal(made, 1);
    equal(late.resolvedOptions().granularity, "grapheme");
    const words = new Intl.Segmenter("en", { granularity: "word" });
    deepEqual([...words.segment("two words")].map(({ segment }) => segment), ["two", " ", "words"]);
    deepEqual(Intl.Segmenter.supportedLocalesOf("en"), ["en"]);
  } finally {
    Object.assign(Intl, { Segmenter });
  }
});
