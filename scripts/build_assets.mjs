/**
 * Builds telecontrol/web/static/ from telecontrol/web/assets/ and the npm packages of package-lock.json.
 *
 *   node scripts/build_assets.mjs               build once
 *   node scripts/build_assets.mjs --clean-lock  drop the addresses npm leaves in package-lock.json
 *
 * Every file carries a hash of its content in its name, so that it can be cached for ever; manifest.json says which
 * plain name ("insured.css") is which file, with its integrity hash, and icons.json holds the drawings that templates
 * place inline. Beside each file lies its compressed form (.gz), for browsers that take it, which all do. No source map:
 * what is served is what is shown.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import * as sass from "sass";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const ASSETS = path.join(ROOT, "telecontrol/web/assets");
const STATIC = path.join(ROOT, "telecontrol/web/static");
const MODULES = path.join(ROOT, "node_modules");
// Telephones of 2020 and later; older ones get the pages without script, which work.
const TARGET = ["es2020", "safari14.1", "chrome87", "firefox86"];
// Bootstrap 5.3 still speaks the older Sass dialect; these notices are its own and change nothing here.
const BOOTSTRAP_NOTICES = ["import", "global-builtin", "color-functions", "if-function"];

const KEPT_MS = 3600 * 1000;

const STYLES = {
  "insured.css": "scss/insured.scss",
  "staff.css": "scss/staff.scss",
  "development.css": "scss/development.scss",
  "call.css": "call/call.scss",
  "device_test.css": "device_test/device_test.scss",
};
const SCRIPTS = { "insured.js": "ts/insured.ts", "staff.js": "ts/staff.ts", "call.js": "call/index.ts", "device_test.js": "device_test/index.ts" };
/** What decrypts and encrypts a call's frames aside, where the provider is asked to: a file of its own, named in call.js. */
const WORKERS = { "call-worker.js": "livekit-client/dist/livekit-client.e2ee.worker.mjs" };
const FIGURES = { "favicon.svg": "img/favicon.svg" };

/** Only the call may be absent: it is bundled as soon as it exists. */
const isPresent = ([name, source]) => !name.startsWith("call.") || existsSync(path.join(ASSETS, source));

async function build() {
  await mkdir(STATIC, { recursive: true });
  const manifest = {};
  for (const [name, source] of Object.entries(STYLES).filter(isPresent)) {
    await emit(manifest, name, await style(source));
  }
  for (const [name, source] of Object.entries(WORKERS)) {
    await script(manifest, name, path.join(MODULES, source));
  }
  for (const [name, source] of Object.entries(SCRIPTS).filter(isPresent)) {
    await script(manifest, name, path.join(ASSETS, source));
  }
  for (const [name, source] of Object.entries(FIGURES)) {
    await emit(manifest, name, await readFile(path.join(ASSETS, source)));
  }
  const icons = await drawings();
  await writeFile(path.join(STATIC, "icons.json"), JSON.stringify(icons));
  await writeFile(path.join(STATIC, "manifest.json"), JSON.stringify(manifest, null, 1) + "\n");
  await sweep(manifest);
  report(manifest, icons);
}

async function style(source) {
  const { css } = sass.compile(path.join(ASSETS, source), {
    loadPaths: [path.join(ASSETS, "scss"), MODULES],
    quietDeps: true,
    silenceDeprecations: BOOTSTRAP_NOTICES.filter((notice) => notice in sass.deprecations),
  });
  const { code } = await esbuild.transform(css, { loader: "css", minify: true, target: TARGET, legalComments: "none" });
  return Buffer.from(code);
}

/** One file for each page's script; only the call and its test may be split, so that a heavy client is fetched when it is used. */
async function script(manifest, name, source) {
  const { outputFiles, metafile } = await esbuild.build({
    entryPoints: [{ in: source, out: name.replace(/\.js$/, "") }],
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: "esm",
    splitting: name === "call.js" || name === "device_test.js",
    define: name === "call.js" ? { CALL_WORKER: JSON.stringify(manifest["call-worker.js"].file) } : {},
    target: TARGET,
    legalComments: "none",
    outdir: STATIC,
    entryNames: "[name].[hash]",
    chunkNames: "call-part.[hash]",
    absWorkingDir: ROOT,
    logLevel: "warning",
  });
  // What is fetched later counts as an entry too: only the page's own file has its name.
  const own = path.relative(ROOT, source).split(path.sep).join("/");
  for (const file of outputFiles) {
    const relative = path.relative(ROOT, file.path).split(path.sep).join("/");
    const base = path.basename(file.path);
    await keep(base, file.contents);
    record(manifest, metafile.outputs[relative]?.entryPoint === own ? name : base, base, file.contents);
  }
}

async function emit(manifest, name, contents) {
  const { name: stem, ext } = path.parse(name);
  const file = `${stem}.${digest("sha256", contents, "hex").slice(0, 10)}${ext}`;
  await keep(file, contents);
  record(manifest, name, file, contents);
}

async function keep(file, contents) {
  await writeFile(path.join(STATIC, file), contents);
  await writeFile(path.join(STATIC, `${file}.gz`), gzipSync(contents, { level: 9 }));
}

function record(manifest, name, file, contents) {
  manifest[name] = { file, integrity: `sha384-${digest("sha384", contents, "base64")}`, size: contents.length };
}

const digest = (kind, contents, encoding) => createHash(kind).update(contents).digest(encoding);

/** The inside of each drawing named in icons.txt; an unknown name stops the build. */
async function drawings() {
  const listed = (await readFile(path.join(ASSETS, "icons.txt"), "utf8")).split("\n");
  const names = listed.map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  const found = await Promise.all(
    names.map(async (name) => {
      const svg = await readFile(path.join(MODULES, "bootstrap-icons/icons", `${name}.svg`), "utf8");
      return [name, svg.replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "").replace(/\s*\n\s*/g, "")];
    }),
  );
  return Object.fromEntries(found);
}

/** Files of earlier builds stay for an hour: a page being read, or a server that is running, still finds its own. */
async function sweep(manifest) {
  const files = Object.values(manifest).flatMap(({ file }) => [file, `${file}.gz`]);
  const kept = new Set(["manifest.json", "icons.json", ...files]);
  for (const file of await readdir(STATIC)) {
    const place = path.join(STATIC, file);
    if (!kept.has(file) && Date.now() - (await stat(place)).mtimeMs > KEPT_MS) await rm(place, { recursive: true });
  }
}

function report(manifest, icons) {
  for (const [name, { file, size }] of Object.entries(manifest)) {
    console.log(`${name.padEnd(28)} ${String(size).padStart(8)} B  ${file}`);
  }
  console.log(`${Object.keys(icons).length} icons`);
}

/** npm writes who may be thanked with money, with web addresses, into the lock; only versions and hashes stay. */
async function cleanLock() {
  const file = path.join(ROOT, "package-lock.json");
  const lock = JSON.parse(await readFile(file, "utf8"));
  for (const entry of Object.values(lock.packages)) delete entry.funding;
  await writeFile(file, JSON.stringify(lock, null, 2) + "\n");
}

await (process.argv.includes("--clean-lock") ? cleanLock() : build());
