/** Images of `aimodellib image`, and those that buildah builds from the output of `aimodellib dockerfile`, based on Debian with Python. */

import assert from "node:assert/strict";
import { imageBase } from "./support/image_base.ts";
import { HAS_BUILDAH, runs } from "./support/needs.ts";
import { BIN, echo, ROOT, test } from "./support/sandbox.ts";
import { GREET } from "./support/scripts.ts";
import { makeWheel } from "./support/wheels.ts";

const hasBuildah = HAS_BUILDAH();
const base = hasBuildah === true ? await imageBase() : hasBuildah;
const path = typeof base === "string" ? "" : base.path;

test(
  "images serve and train offline as an unprivileged user, with a model folder, and with wheels and weights in the archive",
  async (box) => {
    makeWheel(box.path("dist"), "fox", "1.0", "V = 7");
    box.write({
      "plain/serve.py": `EXTRA = None\n${GREET}`,
      "full/serve.py": `from fox import V as EXTRA\n${GREET}`,
      "full/requirements.txt": "fox==1.0\n",
      "plain-context/my model/name": "Ada",
      "full/train.py": "def train(model_dir, *args):\n    open(f'{model_dir}/name', 'w').write('Eve')\n",
      "weights/name": "Bob",
      "others/name": "Cid",
    });
    Deno.mkdirSync(box.path("full-context"));
    const pack = async (name: string, ...more: string[]) => {
      const archive = `${name}-context/a model.tar.gz`;
      const packed = await box.run(["package", "-m", name, "-o", archive, ...more], {
        env: { PIP_NO_INDEX: "1", PIP_FIND_LINKS: box.path("dist") },
      });
      assert.equal(packed.code, 0, packed.stderr);
      const options = ["--base-image", "localhost/base", "--model-dir", "my model"];
      const printed = await box.run(["dockerfile", ...options, archive]);
      assert.equal(printed.code, 0, printed.stderr);
      box.write({ [`${name}-context/Dockerfile`]: printed.stdout });
      Deno.copyFileSync(BIN, box.path(`${name}-context/aimodellib`));
      const { stdout } = await box.run([box.path(archive)], { command: "sha256sum" });
      return stdout.slice(0, 64);
    };
    const plain = await pack("plain");
    const full = await pack("full", "--bundle-wheels", "--model-dir", "weights");
    const other = await box.run(
      ["package", "-m", "full", "-o", "other.tar.gz", "--bundle-wheels", "--model-dir", "others"],
      { env: { PIP_NO_INDEX: "1", PIP_FIND_LINKS: box.path("dist") } },
    );
    assert.equal(other.code, 0, other.stderr);
    Deno.removeSync(box.path("dist"), { recursive: true });
    const script = `${ROOT}/tests/e2e/support/build_images.py`;
    const contexts = ["plain-context", "full-context"].map((name) => box.path(name));
    const namespaces = ["--net", "--mount", "--pid", "--fork", "--mount-proc"];
    const archives = [box.path("full-context/a model.tar.gz"), box.path("other.tar.gz")];
    const words = [...namespaces, "/usr/bin/python3", script, path, BIN, ...archives, ...contexts];
    const { code, stdout, stderr } = await box.run(words, {
      command: "unshare",
      env: { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" },
      limit: 600_000,
    });
    const said = `${stdout}\n${stderr}`;
    assert.equal(code, 0, said);
    const info = (sha256: string) => `aimodellib_model_info{.*sha256="${sha256}".*} 1\n`;
    assert.match(
      stdout,
      new RegExp(
        `^healthy\nAda Hello 10001 /home/app None\n${info(plain)}exit code \\d+\n` +
          `healthy\nBob Hello 10001 /home/app 7\n${info(full)}exit code \\d+\n` +
          // The images that were written without buildah.
          `same bytes: True\nchanged layers: model\n` +
          `healthy\nBob Hello 10001 /home/app 7\n${info(full)}exit code \\d+\ntrained: 0\nEve\n$`,
      ),
      said,
    );
  },
  typeof base === "string" ? base : true,
);

const HAS_SKOPEO = (runs("skopeo", "--version") && runs("umoci", "--version")) || "skopeo or umoci is not installed";

test("an archive of docker save is a base for its own platform, and is refused for another one", async (box) => {
  const [here, there] = Deno.build.arch === "x86_64" ? ["amd64", "arm64"] as const : ["arm64", "amd64"] as const;
  const run = async (command: string, ...args: string[]) => {
    const { code, stdout, stderr } = await box.run(args, { command });
    assert.equal(code, 0, `${command} ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const inspect = async (place: string) => JSON.parse(await run("skopeo", "inspect", "--config", place));
  box.write({ "module/serve.py": echo(), "file": "of the base" });
  for (const [name, architecture] of Object.entries({ here, there })) {
    // The start of an executable: image only looks at its processor.
    const header = new Uint8Array(20);
    header.set([0x7f, ...new TextEncoder().encode("ELF")]);
    header[18] = architecture === "arm64" ? 183 : 62;
    Deno.writeFileSync(box.path(name), header);
  }
  await run(BIN, "package", "--no-check", "-m", "module", "-o", "a.tar.gz");
  await run("umoci", "init", "--layout", "layout");
  for (const architecture of [here, there]) {
    await run("umoci", "new", "--image", `layout:${architecture}`);
    await run("umoci", "config", "--image", `layout:${architecture}`, "--os", "linux", "--architecture", architecture);
    await run("umoci", "insert", "--rootless", "--image", `layout:${architecture}`, "file", "/file");
    const saved = `docker-archive:${architecture}.tar:localhost/base:${architecture}`;
    await run("skopeo", "copy", "--quiet", `oci:layout:${architecture}`, saved);
  }

  const image = async (base: string, ...more: string[]) =>
    await box.run(["image", "--base", base, "-o", "out.tar", "--quiet", ...more, "a.tar.gz"]);
  const own = ["--executable", "here"];
  const other = ["--platform", `linux/${there}`, "--executable", "there"];
  for (
    const [base, architecture, options] of [
      [`${here}.tar`, here, own],
      [`${here}.tar:localhost/base:${here}`, here, [...own, "--platform", `linux/${here}`]],
      [`${there}.tar`, there, other],
      [`layout:${there}`, there, other],
    ] as const
  ) {
    const { code, stderr } = await image(base, ...options);
    assert.equal(code, 0, stderr);
    // skopeo compares all digests.
    await run("skopeo", "copy", "--quiet", "oci-archive:out.tar", "oci:copied:x");
    const made = await inspect("oci:copied:x");
    assert.deepEqual([made.os, made.architecture], ["linux", architecture], base);
    const { rootfs } = await inspect(`oci:layout:${architecture}`);
    assert.equal(rootfs.diff_ids.length, 1);
    assert.equal(made.rootfs.diff_ids[0], rootfs.diff_ids[0]);
    assert.ok(made.rootfs.diff_ids.length >= 3);
    Deno.removeSync(box.path("out.tar"));
  }
  for (
    const [base, options, message] of [
      [`${there}.tar`, [], `The base '${there}.tar' is for linux/${there}, and not for linux/${here}`],
      [`${here}.tar`, other, `The base '${here}.tar' is for linux/${here}, and not for linux/${there}`],
      [`layout:${there}`, [], `The base 'layout' is for linux/${there}, and not for linux/${here}`],
      [`${here}.tar:2`, [], `The base '${here}.tar' has 1 images (localhost/base:${here}): choose one by its tag`],
      [`${there}.tar`, ["--platform", `linux/${there}`], `is for linux/${here}, and not for linux/${there}: name one`],
    ] as const
  ) {
    const refused = await image(base, ...options);
    assert.equal(refused.code, 2, refused.stderr);
    assert.ok(refused.stderr.includes(message), refused.stderr);
  }
  const left = [...Deno.readDirSync(box.root)].map(({ name }) => name).filter((name) => name.startsWith("out.tar"));
  assert.deepEqual(left, []);
}, HAS_SKOPEO);
