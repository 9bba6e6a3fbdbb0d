/** Images of `aimodellib image`, and those that buildah builds from the output of `aimodellib dockerfile`, based on Debian with Python. */

import assert from "node:assert/strict";
import { imageBase } from "./support/image_base.ts";
import { HAS_BUILDAH } from "./support/needs.ts";
import { BIN, ROOT, test } from "./support/sandbox.ts";
import { GREET } from "./support/scripts.ts";
import { makeWheel } from "./support/wheels.ts";

const base = HAS_BUILDAH === true ? await imageBase() : HAS_BUILDAH;
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
