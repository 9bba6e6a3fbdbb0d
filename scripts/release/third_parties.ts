/** Lists the third-party software in the executable: Deno with V8, and the npm packages that `src/` and the console's pages import. */

import { SCRIPTS } from "../../src/web/bundle.ts";
import { SWAGGER_VERSION } from "../../src/web/swagger.ts";
import { runOrThrow } from "../build/process.ts";

/** Files with the licences of what a package's embedded files contain, each as `NAME@VERSION/FILE`. */
const EMBEDDED_LICENCES: ReadonlySet<string> = new Set([
  `swagger-ui-dist@${SWAGGER_VERSION}/swagger-ui-bundle.js.LICENSE.txt`,
]);

/** A third-party component of the executable. */
export interface Component {
  readonly name: string;
  readonly version: string;
  /** Its SPDX identifier. */
  readonly licence: string;
  readonly licenceText: string;
  /** A package URL (github.com/package-url). */
  readonly purl: string;
  /** The registry's SHA-512 of the package, in hexadecimal. */
  readonly sha512?: string;
}

/** A package of the graph of modules, by its id, which also names the peers that it was resolved with. */
interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** The ids of the packages that it depends on. */
  readonly dependencies: readonly string[];
}

interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

/**
 * Lists all components, sorted by name. All dependencies of a package count, even if the bundle contains nothing of them.
 *
 * @param root the project's root
 * @throws {Error} if a package has no licence text
 */
export async function thirdParties(root: string): Promise<readonly Component[]> {
  const lock: Lock = JSON.parse(Deno.readTextFileSync(`${root}/deno.lock`));
  const used = new Map<string, NpmPackage>();
  for (
    const entry of [
      "src/main.ts",
      "src/tracing/otlp.ts",
      "src/storage/aws.ts",
      ...Object.values(SCRIPTS).map((path) => `src/web/${path}`),
    ]
  ) {
    const graph = JSON.parse(
      await runOrThrow(`list what ${entry} imports`, Deno.execPath(), ["info", "--json", entry], { cwd: root }),
    );
    const add = (id: string, code: boolean) => {
      if (used.has(id)) return;
      const found: NpmPackage = graph.npmPackages[id];
      used.set(id, found);
      if (code) found.dependencies.forEach((id) => add(id, true));
    };
    // Of a package whose package.json alone is imported, files are copied that need no other package.
    for (const { kind, npmPackage, specifier } of graph.modules) {
      if (kind === "npm") add(npmPackage, !specifier.endsWith("/package.json"));
    }
  }
  const { npmCache } = JSON.parse(await runOrThrow("find the npm cache", Deno.execPath(), ["info", "--json"]));
  const read = Array.from(used, ([id, { name, version }]) => {
    const folder = folderOf(npmCache, name, version);
    const { license, repository } = JSON.parse(Deno.readTextFileSync(`${folder}/package.json`));
    const source: string | undefined = repository?.url ?? repository;
    return { id, name, version, licence: license as string, source, text: licenceIn(folder, id) };
  });
  const packages = read.map(({ id, name, version, licence, source, text }): Component => {
    // Of the packages that are made from one repository, some lack its licence text.
    const own = text ??
      read.find((other) => source !== undefined && other.source === source && other.licence === licence && other.text)
        ?.text;
    if (own === undefined) throw new Error(`The package ${id} has no licence text`);
    return {
      name,
      version,
      licence,
      licenceText: own,
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      sha512: Uint8Array.fromBase64(lock.npm[id]!.integrity.replace("sha512-", "")).toHex(),
    };
  });
  return [...packages, ...runtime()].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Returns the base runtime. Its licence texts are here because its packages lack them. */
function runtime(): readonly Component[] {
  const { deno, v8 } = Deno.version;
  const read = (name: string) => Deno.readTextFileSync(new URL(`licences/${name}.txt`, import.meta.url));
  return [
    { name: "deno", version: deno, licence: "MIT", licenceText: read("deno"), purl: `pkg:cargo/deno@${deno}` },
    {
      name: "v8",
      version: v8,
      licence: "BSD-3-Clause",
      licenceText: read("v8"),
      purl: `pkg:github/v8/v8@${v8.replace(/-.*/, "")}`,
    },
  ];
}

/** Returns the folder of a package in the cache, below that of its registry. */
function folderOf(cache: string, name: string, version: string): string {
  for (const { name: registry } of Deno.readDirSync(cache)) {
    const folder = `${cache}/${registry}/${name}/${version}`;
    try {
      if (Deno.statSync(folder).isDirectory) return folder;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
    }
  }
  throw new Error(`The npm cache has no ${name}@${version}: run 'scripts/deno task build' first`);
}

function licenceIn(folder: string, id: string): string | undefined {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  const name = names.find((name) => /^licen[cs]e/i.test(name));
  if (name === undefined) return undefined;
  // The Apache License asks for the notice, and a bundle has a file with the licences of what is in it.
  const others = names.filter((name) => /^notice(\.|$)/i.test(name) || EMBEDDED_LICENCES.has(`${id}/${name}`)).sort();
  return [name, ...others].map((name) => Deno.readTextFileSync(`${folder}/${name}`).trim()).join("\n\n");
}

/** Joins all licence texts. */
export function licenceTexts(components: readonly Component[]): string {
  const intro = "The executable aimodellib contains the following software of others.\n\n" +
    "Deno in turn contains Rust crates under permissive licences; the file Cargo.lock of its release lists them.\n";
  const texts = components.map(({ name, version, licence, licenceText }) =>
    `${"=".repeat(80)}\n${name} ${version} (${licence})\n${"=".repeat(80)}\n\n${licenceText.trim()}\n`
  );
  return [intro, ...texts].join("\n");
}

/** Makes a bill of materials: CycloneDX 1.6, JSON. It contains no time: the same components always give the same bytes. */
export function billOfMaterials(version: string, components: readonly Component[]): string {
  const bom = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": "aimodellib",
        name: "aimodellib",
        version,
        licenses: [{ license: { id: "MIT" } }],
      },
    },
    components: components.map(({ name, version, licence, purl, sha512 }) => ({
      type: "library",
      "bom-ref": purl,
      name,
      version,
      ...(sha512 !== undefined && { hashes: [{ alg: "SHA-512", content: sha512 }] }),
      licenses: [{ license: { id: licence } }],
      purl,
    })),
    dependencies: [{ ref: "aimodellib", dependsOn: components.map(({ purl }) => purl) }],
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}
