// Bundles test/*.test.ts and runs them under node's own test runner.
import { spawnSync } from "node:child_process";
import { globSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(dirname(fileURLToPath(import.meta.url)));
rmSync("build", { recursive: true, force: true });
await build({
  entryPoints: globSync("test/*.test.ts"),
  outdir: "build",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node22",
  sourcemap: "inline",
  // dicom-parser asks for zlib where it finds a require.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  logLevel: "warning",
});
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...globSync("build/*.test.mjs")], { stdio: "inherit" });
process.exit(status ?? 1);
