import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import zlib from "node:zlib";
import { openBase } from "../../../src/image/base.ts";
import { ImageError } from "../../../src/image/errors.ts";
import { findPython } from "../../../src/image/find_python.ts";
import { checkDiffIds } from "../../../src/image/gunzip.ts";
import { ImageTar } from "../../../src/image/write.ts";
import { UsageError } from "../../../src/errors.ts";
import { concat, utf8 } from "../helper/bytes.ts";
import { END, rawEntry } from "../helper/tar.ts";

const AMD64 = { os: "linux", architecture: "amd64" };
const SIGNAL = new AbortController().signal;
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** A layer with a Python, as Debian lays it out. */
const PLAIN = concat(
  rawEntry({ name: "./usr/bin/python3", type: "2", target: "python3.11" }),
  rawEntry({ name: "./usr/bin/python3.11", content: "ELF" }),
  END,
);
const PACKED = new Uint8Array(zlib.gzipSync(PLAIN));

type Files = Record<string, Uint8Array<ArrayBuffer>>;

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Adds a blob, and returns its descriptor. */
function blob(files: Files, mediaType: string, bytes: Uint8Array<ArrayBuffer>) {
  const digest = digestOf(bytes);
  files[`blobs/${digest.replace(":", "/")}`] = bytes;
  return { mediaType, digest, size: bytes.length };
}

function json(value: unknown): Uint8Array<ArrayBuffer> {
  return utf8(JSON.stringify(value));
}

const CONFIG = {
  architecture: "amd64",
  os: "linux",
  config: {},
  rootfs: { type: "layers", diff_ids: [digestOf(PLAIN)] },
};

/** The files of a layout with one image. */
function layout(config: object = CONFIG, layerType = "application/vnd.oci.image.layer.v1.tar+gzip") {
  const files: Files = {};
  const layer = blob(files, layerType, PACKED);
  const described = blob(files, "application/vnd.oci.image.config.v1+json", json(config));
  const manifest = blob(files, MANIFEST, json({ schemaVersion: 2, config: described, layers: [layer] }));
  files["index.json"] = json({ schemaVersion: 2, manifests: [manifest] });
  return { files, layer, manifest };
}

/** Writes files into a new folder, or a tar archive in it, and passes its path on. */
async function withBase(files: Files, form: "folder" | "tar", use: (path: string) => void | Promise<void>) {
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/base`;
    if (form === "tar") {
      Deno.writeFileSync(
        path,
        concat(...Object.entries(files).map(([name, content]) => rawEntry({ name, content })), END),
      );
    } else {
      Deno.mkdirSync(`${path}/blobs/sha256`, { recursive: true });
      for (const [name, content] of Object.entries(files)) Deno.writeFileSync(`${path}/${name}`, content);
    }
    await use(path);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function refuses(files: Files, message: RegExp, type: typeof ImageError | typeof UsageError = ImageError, tag = "") {
  return withBase(files, "folder", (path) => {
    assert.throws(() => openBase(`${path}${tag}`, AMD64), (error) => {
      assert.ok(error instanceof type, String(error));
      assert.match(error.message, message);
      return true;
    });
  });
}

for (const form of ["folder", "tar"] as const) {
  Deno.test(`openBase() reads an OCI layout in a ${form}, and findPython() finds its Python`, async () => {
    const { files, manifest, layer } = layout();
    await withBase(files, form, async (path) => {
      using base = openBase(path, AMD64);
      assert.equal(base.digest, manifest.digest);
      assert.deepEqual(base.layers.map(({ descriptor }) => descriptor), [layer]);
      assert.deepEqual(await findPython({ layers: base.layers, label: base.label, searchPath: "/bin:/usr/bin" }), {
        path: "/usr/bin/python3.11",
        version: "3.11",
      });
    });
  });
}

Deno.test("openBase() refuses a damaged index, manifest and configuration", async () => {
  const { files, manifest } = layout();
  const path = `blobs/${manifest.digest.replace(":", "/")}`;
  await refuses({ ...files, "index.json": utf8('{"manifests": ') }, /index\.json of the base .* is not a JSON object/);
  await refuses({ ...files, "index.json": json({ manifests: 7 }) }, /lacks its list of contents/);
  const escaping = { ...manifest, digest: "sha256:../../../etc/passwd" };
  await refuses({ ...files, "index.json": json({ manifests: [escaping] }) }, /which is not a SHA-256/);
  await refuses({ ...files, "index.json": json({ manifests: [{ ...manifest, size: -1 }] }) }, /the size -1/);
  await refuses({ ...files, [path]: utf8("x".repeat(manifest.size)) }, /another size or digest/);
  await refuses({ "index.json": files["index.json"]! }, /lacks the manifest sha256:/);
  await refuses(layout({ architecture: "amd64", os: "linux", rootfs: { diff_ids: [] } }).files, /lists 1 layers.* 0/);
  await refuses({}, /has neither an index\.json .* nor a manifest\.json/);
});

Deno.test("openBase() does not read documents of unbounded size", async () => {
  const { files } = layout();
  await refuses({ ...files, "index.json": new Uint8Array(4 * 2 ** 20 + 1) }, /has 4194305 bytes, more than/);
  // An index that contains itself can't be made, but a long chain of them can.
  const { manifest } = layout();
  let inner = manifest;
  for (let i = 0; i < 6; i++) {
    inner = blob(files, "application/vnd.oci.image.index.v1+json", json({ manifests: [inner], i }));
  }
  await refuses({ ...files, "index.json": json({ manifests: [inner] }) }, /nested more than 4 deep/);
});

Deno.test("openBase() chooses by platform and by tag, and says what there is", async () => {
  const { files, manifest } = layout();
  const other = layout({ ...CONFIG, architecture: "arm64" });
  const both = { ...other.files, ...files };
  const list = (...manifests: object[]) => ({ ...both, "index.json": json({ manifests }) });
  const arm = { ...other.manifest, platform: { os: "linux", architecture: "arm64" } };
  const amd = { ...manifest, platform: AMD64 };
  await withBase(list(arm, amd), "folder", (path) => {
    using base = openBase(path, AMD64);
    assert.equal(base.digest, manifest.digest);
  });
  await refuses(list(arm), /no image for linux\/amd64. It has: linux\/arm64/, UsageError);
  await refuses(list(other.manifest), /is for linux\/arm64, and not for linux\/amd64/, UsageError);
  const tagged = (found: object, tag: string) => {
    return { ...found, annotations: { "org.opencontainers.image.ref.name": tag } };
  };
  const two = list(tagged(manifest, "a"), tagged(other.manifest, "b"));
  await refuses(two, /several images for linux\/amd64 \(a, b\): choose one by its tag/, UsageError);
  await refuses(two, /no image with the tag 'c'. It has: a, b/, UsageError, ":c");
  await withBase(two, "folder", (path) => {
    using base = openBase(`${path}:a`, AMD64);
    assert.equal(base.digest, manifest.digest);
  });
});

Deno.test("a layer with another content is refused while it is copied", async () => {
  const { files, layer } = layout();
  files[`blobs/${layer.digest.replace(":", "/")}`] = new Uint8Array(layer.size);
  await withBase(files, "folder", (path) => {
    using base = openBase(path, AMD64);
    const tar = new ImageTar({ tag: "a:b", mtime: 0, signal: SIGNAL, write() {} });
    assert.throws(() => tar.addBase(base), /is damaged: its layer sha256:[0-9a-f]+ has the digest/);
  });
  files[`blobs/${layer.digest.replace(":", "/")}`] = new Uint8Array(1);
  await refuses(files, /has 1 bytes and not \d+/);
});

Deno.test("layers that zstd compresses are kept as they are, and not searched", async () => {
  const type = "application/vnd.oci.image.layer.v1.tar+zstd";
  await withBase(layout(CONFIG, type).files, "folder", async (path) => {
    using base = openBase(path, AMD64);
    assert.equal(base.layers[0]!.descriptor.mediaType, type);
    const searched = findPython({ layers: base.layers, label: base.label, searchPath: undefined });
    await assert.rejects(searched, /No python3 was found .*not searched: .*zstd.*--base-python/);
  });
});

Deno.test("openBase() reads archives of docker save, whose layers must have the digests of the configuration", async () => {
  const config = json(CONFIG);
  const name = `${digestOf(config).slice("sha256:".length)}.json`;
  const list = json([{ Config: name, RepoTags: ["base:latest"], Layers: ["layer.tar"] }]);
  const files: Files = { "manifest.json": list, [name]: config, "layer.tar": PLAIN };
  await withBase(files, "tar", (path) => {
    using base = openBase(path, AMD64);
    assert.equal(base.digest, undefined);
    assert.equal(base.layers[0]!.descriptor.digest, digestOf(PLAIN));
  });
  await withBase({ ...files, "layer.tar": PACKED }, "tar", async (path) => {
    using base = openBase(path, AMD64);
    assert.equal(base.layers[0]!.descriptor.digest, digestOf(PACKED));
    await checkDiffIds(base.layers, base.label, SIGNAL);
  });
  const wrong = new Uint8Array(zlib.gzipSync(END));
  await withBase({ ...files, "layer.tar": wrong }, "tar", async (path) => {
    using base = openBase(path, AMD64);
    await assert.rejects(checkDiffIds(base.layers, base.label, SIGNAL), /has another digest than sha256:/);
  });
  await refuses({ ...files, [name]: json({ ...CONFIG, os: "plan9" }) }, /content has another digest/);
  await refuses({ ...files, "manifest.json": json([]) }, /is not a list of images/);
});

Deno.test("openBase() says what a compressed archive is, and which file is missing", async () => {
  await withBase({}, "folder", (path) => {
    Deno.writeFileSync(`${path}.gz`, PACKED);
    assert.throws(() => openBase(`${path}.gz`, AMD64), /not an OCI layout, and no tar archive .* Decompress it/);
    assert.throws(() => openBase(`${path}.none`, AMD64), UsageError);
  });
});

Deno.test("a manifest.json can't name files outside of the base", async () => {
  const config = json(CONFIG);
  const list = json([{ Config: "config.json", Layers: ["../outside"] }]);
  await withBase({ "manifest.json": list, "config.json": config }, "folder", (path) => {
    Deno.writeFileSync(`${path}/../outside`, PLAIN);
    assert.throws(() => openBase(path, AMD64), /lacks its layer/);
  });
});
