/** Makes the layers that an image adds to its base: what changes least often comes first. */

import { joinPath, type Manifest, WHEELS_FOLDER } from "../../archive/mod.ts";
import { ORIGIN_NAME } from "../../archive/origin_name.ts";
import type { BasePython } from "../../image/find_python.ts";
import { type Layer, type LayerOptions, LayerWriter } from "../../image/layer.ts";
import { addTree, chunksOf, walk } from "../../image/tree.ts";
import { checkTags, Venv, wheelsOfList } from "../../image/wheel.ts";
import { ARCHIVE_ROOT, HOME, MODEL_ROOT, USER_ID } from "./running.ts";

/** What layers are made from. */
export interface LayersOptions extends Pick<LayerOptions, "mtime" | "signal"> {
  /** The folder for the layers. */
  readonly folder: string;
  /** The folder with the unpacked archive. */
  readonly root: string;
  /** The most bytes that the wheels may unpack to. */
  readonly maxSize: number;
}

/** Makes layers as files of one folder. */
export class Layers {
  readonly #options: LayersOptions;
  #count = 0;

  constructor(options: LayersOptions) {
    this.#options = options;
  }

  /** The layer with the executable. */
  executable(path: string): Promise<Layer> {
    const { size } = Deno.statSync(path);
    return this.#make("executable", size, async (writer) => {
      await writer.file({ path: "usr/local/bin/aimodellib", size, executable: true }, chunksOf(path));
    });
  }

  /** The layer with the bundled wheels. @throws {ImageError} if one of them does not suit the base */
  async environment(python: BasePython, architecture: string): Promise<Layer> {
    const { root, maxSize } = this.#options;
    using venv = new Venv(python, maxSize);
    for (const wheel of wheelsOfList(`${root}/${WHEELS_FOLDER}`)) {
      checkTags(wheel.slice(wheel.lastIndexOf("/") + 1), python, architecture);
      await venv.add(wheel);
    }
    return await this.#make("environment", venv.bytes, (writer) => venv.write(writer));
  }

  /** The layer with the archive's files, but not its model, and not its wheels once they are installed. */
  code({ modelDirectory }: Manifest, isInstalled: boolean): Promise<Layer> {
    const model = modelDirectory === undefined ? undefined : joinPath(modelDirectory);
    const leaves = walk(this.#options.root, (path) => {
      return path === model || path === ORIGIN_NAME || (isInstalled && path === WHEELS_FOLDER);
    });
    return this.#make("code", sizeOf(leaves), async (writer) => {
      await writer.folder(HOME.slice(1), USER_ID);
      await writer.folder(MODEL_ROOT.slice(1), USER_ID);
      await addTree(writer, ARCHIVE_ROOT.slice(1), leaves);
    });
  }

  /** The layer with the model, and with the note of the archive's digest, which changes with the model. */
  model(path: string | undefined, { modelDirectory }: Manifest): Promise<Layer> {
    const { root } = this.#options;
    const isPacked = modelDirectory !== undefined;
    const source = isPacked ? `${root}/${joinPath(modelDirectory)}` : path;
    const leaves = source === undefined ? [] : walk(source);
    const note = `${root}/${ORIGIN_NAME}`;
    return this.#make("model", sizeOf(leaves), async (writer) => {
      await writer.file(
        { path: `${ARCHIVE_ROOT.slice(1)}/${ORIGIN_NAME}`, size: Deno.statSync(note).size },
        chunksOf(note),
      );
      if (isPacked) await addTree(writer, `${ARCHIVE_ROOT.slice(1)}/${joinPath(modelDirectory)}`, leaves);
      else if (source !== undefined) {
        await writer.folder(MODEL_ROOT.slice(1), USER_ID);
        await addTree(writer, MODEL_ROOT.slice(1), leaves);
      }
    });
  }

  async #make(what: string, bytes: number, fill: (writer: LayerWriter) => Promise<void>): Promise<Layer> {
    const { folder, mtime, signal } = this.#options;
    using writer = new LayerWriter({ path: `${folder}/layer-${this.#count++}`, what, mtime, signal, bytes });
    await fill(writer);
    return await writer.finish();
  }
}

function sizeOf(leaves: readonly { readonly size: number }[]): number {
  return leaves.reduce((sum, { size }) => sum + size, 0);
}
