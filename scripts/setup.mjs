// @ts-check
// Installs what is missing and says what it does. Idempotent, and quick when nothing is missing.
//
//   node scripts/setup.mjs build   what `npm start` needs
//   node scripts/setup.mjs test    and a browser

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digest, environment, fail, output, pythonPath, read, root, run, say } from "./lib.mjs";

// The command-line tool and the crate must agree exactly: see Cargo.toml.
const TOOLS = [
  { crate: "worker-build", program: "worker-build", version: "0.8.7" },
  { crate: "wasm-bindgen-cli", program: "wasm-bindgen", version: "0.2.129" },
];
const TARGET = "wasm32-unknown-unknown";
const LOCK_STAMP = "node_modules/.tributary-lock";
const REQUIREMENTS = "tests/worker/python/requirements.txt";
// What wants other versions of the same packages than the rest does: in a folder of its own.
const APART = "tests/worker/python/lanarky.txt";
const PYTHON_HOME = "target/python";
const PYTHON_APART = "target/python/lanarky";
const PYTHON_STAMP = "target/python/.tributary-requirements";

if (Number(process.versions.node.split(".")[0]) < 20) fail(`Node 20 or later is needed; this is ${process.version}.`);
packages();
rust();
for (const tool of TOOLS) cargoTool(tool);
if (process.argv[2] === "test") {
  browser();
  python();
}

function packages() {
  const wanted = digest(["package-lock.json", "package.json"]);
  if (read(LOCK_STAMP) === wanted) return;
  say("installing the npm packages");
  must(run("npm", ["ci", "--no-audit", "--no-fund"]));
  writeFileSync(join(root, LOCK_STAMP), wanted);
}

function rust() {
  if (output("cargo", ["--version"]) === undefined) fail("Rust is missing: install rustup from https://rustup.rs, then start again.");
  const installed = output("rustup", ["target", "list", "--installed"]);
  if (installed === undefined || installed.split(/\s+/).includes(TARGET)) return;
  say(`adding the Rust target ${TARGET}`);
  must(run("rustup", ["target", "add", TARGET]));
}

/** @param {{ crate: string, program: string, version: string }} tool */
function cargoTool({ crate, program, version }) {
  const have = output(program, ["--version"])?.match(/\d+\.\d+\.\d+/)?.[0];
  if (have === version) return;
  say(`installing ${crate} ${version} with cargo: this takes some minutes, once${have ? ` (found ${have})` : ""}`);
  must(run("cargo", ["install", crate, "--version", version, "--locked", "--force"]));
}

function browser() {
  const missing = ["/usr/bin/chromium", "/usr/bin/chromedriver"].filter((path) => !existsSync(path));
  if (missing.length === 0) return;
  const advice = "The browser tests need Debian's packages chromium and chromium-driver: install them, then start again.";
  if (process.getuid?.() !== 0 || output("apt-get", ["--version"]) === undefined) fail(`${missing.join(" and ")} missing. ${advice}`);
  say("installing chromium and chromium-driver with apt");
  const quiet = { ...environment, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update", "-qq"], quiet);
  const { ok } = run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium", "chromium-driver"], quiet);
  if (!ok) fail(`apt could not install them. ${advice}`);
}

/** The vendors' Python packages, in an environment of their own. Without them their tests are skipped. */
function python() {
  const wanted = digest([REQUIREMENTS, APART]);
  if (process.env.PYTHON !== undefined || read(PYTHON_STAMP) === wanted) return;
  say("installing the vendors' Python packages for the tests");
  const install = [pythonPath, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  const steps = [
    ["python3", "-m", "venv", "--clear", PYTHON_HOME],
    [...install, "-r", REQUIREMENTS],
    // lanarky wants a Python below 3.12, but works with later ones.
    [...install, "--no-warn-conflicts", "--ignore-requires-python", "--target", PYTHON_APART, "-r", APART],
  ];
  const failed = steps.find(([program, ...args]) => !run(program, args).ok);
  if (failed) return say("there is no Python with venv and pip here: the tests of the Python packages will be skipped");
  writeFileSync(join(root, PYTHON_STAMP), wanted);
}

/** @param {{ ok: boolean, why: string }} step */
function must({ ok, why }) {
  if (!ok) fail(why);
}
