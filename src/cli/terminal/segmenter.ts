/**
 * Keeps `Intl.Segmenter` from loading its rules before they are needed.
 *
 * The library that parses command lines makes a segmenter as soon as it is imported, to measure the width of help. Loading the rules
 * takes 30 ms, a third of the time that help takes, and our help is ASCII, each character of which is a grapheme.
 */

const Segmenter = Intl.Segmenter;

/** ASCII without control characters: CR LF is one grapheme. */
const PLAIN = /^[\x20-\x7e]*$/;

/** Replaces `Intl.Segmenter` in this process by one that does the same, later. */
export function deferSegmenters(): void {
  Object.assign(Intl, { Segmenter: LateSegmenter });
}

class LateSegmenter implements Intl.Segmenter {
  static readonly supportedLocalesOf = Segmenter.supportedLocalesOf;
  readonly #options: ConstructorParameters<typeof Segmenter>;
  #made: Intl.Segmenter | undefined;

  constructor(...options: ConstructorParameters<typeof Segmenter>) {
    this.#options = options;
  }

  get #segmenter(): Intl.Segmenter {
    return this.#made ??= new Segmenter(...this.#options);
  }

  segment(input: string): Intl.Segments {
    const { granularity = "grapheme" } = this.#options[1] ?? {};
    return granularity === "grapheme" && PLAIN.test(input) ? new PlainSegments(input) : this.#segmenter.segment(input);
  }

  resolvedOptions(): Intl.ResolvedSegmenterOptions {
    return this.#segmenter.resolvedOptions();
  }
}

/** The graphemes of plain ASCII. */
class PlainSegments implements Intl.Segments {
  readonly #input: string;

  constructor(input: string) {
    this.#input = input;
  }

  containing(codeUnitIndex = 0): Intl.SegmentData {
    // Undefined outside of the input, which the declaration leaves out.
    return this.#at(Math.trunc(codeUnitIndex)) as Intl.SegmentData;
  }

  [Symbol.iterator](): Intl.SegmentIterator<Intl.SegmentData> {
    return Array.from(this.#input, (_, index) => this.#at(index)!).values() as Intl.SegmentIterator<Intl.SegmentData>;
  }

  #at(index: number): Intl.SegmentData | undefined {
    const segment = this.#input[index];
    return segment === undefined ? undefined : { segment, index, input: this.#input };
  }
}
