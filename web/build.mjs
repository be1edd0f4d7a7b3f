// Builds static/: one hashed bundle per page entry, and manifest.json, which the templates read.
// Does nothing when no input changed since the last build; `--force` builds anyway.
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(dirname(fileURLToPath(import.meta.url)));
const inputs = [...globSync("src/**/*.{ts,css,svg}"), "build.mjs", "package-lock.json"].sort();
const stamp = inputs.reduce((hash, file) => hash.update(file).update(readFileSync(file)), createHash("sha256")).digest("hex");
const stampFile = "static/.stamp";

if (!process.argv.includes("--force") && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) process.exit(0);

const { build } = await import("esbuild");
rmSync("static", { recursive: true, force: true });
mkdirSync("static");
const { metafile } = await build({
  entryPoints: [...readdirSync("src/pages").map((file) => `src/pages/${file}`), "src/lib/hash.worker.ts", "src/icon.svg"],
  outdir: "static",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  sourcemap: true,
  metafile: true,
  loader: { ".svg": "copy" },
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
  logLevel: "warning",
});

// "upload.ts" -> its script, its stylesheet, and the shared chunks to fetch beside it instead of after it.
const manifest = {};
for (const [file, out] of Object.entries(metafile.outputs)) {
  if (!out.entryPoint) continue;
  const chunks = out.imports.filter((one) => one.kind === "import-statement").map((one) => basename(one.path));
  manifest[basename(out.entryPoint)] = { js: basename(file), css: out.cssBundle ? basename(out.cssBundle) : null, chunks };
}
writeFileSync("static/manifest.json", JSON.stringify(manifest, null, 1));
writeFileSync(stampFile, stamp);
