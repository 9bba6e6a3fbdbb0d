/** Instantiates the WebAssembly module `assembly/loops.ts`, with views of its memory. */

import {
  DISTANCE_SYMBOLS,
  distanceBase,
  distanceExtra,
  distanceSymbol,
  lengthBase,
  lengthExtra,
  lengthSymbol,
  LITERAL_SYMBOLS,
} from "./symbols.ts";
import { LOOPS_WASM } from "./loops_wasm.ts";

/** The functions of the module, which are described where they are defined. */
interface Functions {
  begin(start: number, end: number): void;
  parse(end: number, chain: number, nice: number, lazy: number, inserted: number): number;
  parseOnce(end: number): number;
  takeBytes(end: number): number;
  put(bits: number, count: number): void;
  writeTokens(count: number): void;
  finish(): number;
}

/** Offsets into the memory of the module, in bytes, and sizes. */
type Places = Record<
  | "INPUT"
  | "MAX_INPUT"
  | "LITERAL_COUNTS"
  | "DISTANCE_COUNTS"
  | "LITERAL_CODES"
  | "DISTANCE_CODES"
  | "LENGTH_SYMBOLS"
  | "DISTANCE_SYMBOLS"
  | "LENGTH_EXTRAS"
  | "DISTANCE_EXTRAS"
  | "OUTPUT",
  WebAssembly.Global
>;

/** The bit of a table entry where the number of bits starts. */
const BIT_COUNT_SHIFT = 16;

/** An instance of the module; its memory takes some megabytes. */
export class Loops {
  readonly call: Functions;
  /** The input buffer: up to 32 KiB that matches may refer to, then the block. */
  readonly input: Uint8Array;
  /** How often each symbol occurs among the tokens: literals and lengths, then distances. */
  readonly literalCounts: Uint32Array;
  readonly distanceCounts: Uint32Array;
  readonly #literalCodes: Uint32Array;
  readonly #distanceCodes: Uint32Array;
  readonly #memory: Uint8Array;
  readonly #output: number;

  constructor() {
    const { memory, ...exports } =
      new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.fromBase64(LOOPS_WASM))).exports;
    const { buffer } = memory as WebAssembly.Memory;
    const places = exports as unknown as Places;
    const table = ({ value }: WebAssembly.Global, length: number) => new Uint32Array(buffer, value, length);
    this.call = exports as unknown as Functions;
    this.#memory = new Uint8Array(buffer);
    this.#output = places.OUTPUT.value;
    this.input = new Uint8Array(buffer, places.INPUT.value, places.MAX_INPUT.value);
    this.literalCounts = table(places.LITERAL_COUNTS, LITERAL_SYMBOLS);
    this.distanceCounts = table(places.DISTANCE_COUNTS, DISTANCE_SYMBOLS);
    this.#literalCodes = table(places.LITERAL_CODES, LITERAL_SYMBOLS);
    this.#distanceCodes = table(places.DISTANCE_CODES, DISTANCE_SYMBOLS);
    this.#memory.set(lengthSymbol, places.LENGTH_SYMBOLS.value);
    this.#memory.set(distanceSymbol, places.DISTANCE_SYMBOLS.value);
    join(table(places.LENGTH_EXTRAS, lengthBase.length), lengthBase, lengthExtra);
    join(table(places.DISTANCE_EXTRAS, DISTANCE_SYMBOLS), distanceBase, distanceExtra);
  }

  /** Sets the codes for the tokens of the next block, and the number of bits of each. */
  setCodes(literal: Uint16Array, literalBits: Uint8Array, distance: Uint16Array, distanceBits: Uint8Array): void {
    join(this.#literalCodes, literal, literalBits);
    join(this.#distanceCodes, distance, distanceBits);
  }

  /** Pads the output to a byte boundary and returns it. The next block overwrites it. */
  finish(): Uint8Array {
    return this.#memory.subarray(this.#output, this.call.finish());
  }
}

function join(table: Uint32Array, values: Uint16Array, bitCounts: Uint8Array): void {
  for (let i = 0; i < table.length; i++) table[i] = bitCounts[i]! << BIT_COUNT_SHIFT | values[i]!;
}
