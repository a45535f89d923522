// @ts-check
// Builds the worker into build/, unless what is there was made from the same sources.

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cargoBin, digest, fail, read, root, run, say } from "./lib.mjs";

const STAMP = "build/.sources";

const sources = digest(["src", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "package-lock.json", "scripts/build.mjs"]);
if (read(STAMP) !== sources) build();

function build() {
  say("building the worker");
  rmSync(join(root, STAMP), { force: true });
  const bin = (/** @type {string} */ name) => join(root, "node_modules", ".bin", name);
  const { ok, why } = run("worker-build", ["--release"], {
    // Named, because worker-build would download what it cannot find.
    WASM_BINDGEN_BIN: join(cargoBin, "wasm-bindgen"),
    WASM_OPT_BIN: bin("wasm-opt"),
    ESBUILD_BIN: bin("esbuild"),
  });
  if (!ok) fail(`the worker could not be built: ${why}`);
  writeFileSync(join(root, STAMP), sources);
}
