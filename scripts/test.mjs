// @ts-check
// Runs every test, the quick ones first, and ends with one line: N passed, N failed.
//
//   npm test                     all of it
//   npm test -- core worker      only the levels whose names are given

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { environment, root, say } from "./lib.mjs";

const NODE_TEST = ["--test", "--test-concurrency=1", "--test-reporter=spec"];
const WASM = ["--target", "wasm32-unknown-unknown"];
const PURE = "--no-default-features";

/** @typedef {{ name: string, program: string, args: string[], env?: Record<string, string> }} Step */

/** @type {Record<string, Step[]>} */
const LEVELS = {
  lint: [
    { name: "formatting", program: "cargo", args: ["fmt", "--check"] },
    { name: "lints of the pure core", program: "cargo", args: ["clippy", "-q", PURE, "--all-targets", "--", "-D", "warnings"] },
    { name: "lints of the worker", program: "cargo", args: ["clippy", "-q", ...WASM, "--", "-D", "warnings"] },
  ],
  core: [
    { name: "the pure core on this machine", program: "cargo", args: ["test", PURE, "--", "--show-output"] },
    { name: "the API's description", program: "node", args: [...NODE_TEST, ...files("tests/docs")] },
    { name: "the deploy's checklist, and its costs", program: "node", args: [...NODE_TEST, ...files("tests/scripts")] },
  ],
  browser: [
    {
      name: "the pure core in headless Chromium",
      program: "cargo",
      args: ["test", ...WASM, PURE, "--test", "conformance"],
      env: { CHROMEDRIVER: "/usr/bin/chromedriver", WASM_BINDGEN_USE_BROWSER: "1" },
    },
  ],
  worker: [
    { name: "building the worker", program: "node", args: ["scripts/build.mjs"] },
    { name: "the worker on the real runtime", program: "node", args: [...NODE_TEST, ...files("tests/simulator"), ...files("tests/simulator/stores"), ...files("tests/worker")] },
  ],
  page: [
    { name: "building the worker", program: "node", args: ["scripts/build.mjs"] },
    { name: "the page in real Chromium", program: "node", args: [...NODE_TEST, ...files("tests/page")] },
  ],
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in LEVELS));
if (unknown.length > 0) {
  say(`no such level: ${unknown.join(", ")}; there are ${Object.keys(LEVELS).join(", ")}`);
  process.exit(1);
}

let passed = 0;
let failed = 0;
/** @type {string[]} */
const closing = [];
for (const [level, steps] of Object.entries(LEVELS)) {
  if (chosen.length > 0 && !chosen.includes(level)) continue;
  for (const step of steps) await take(step);
}
say("closing lines:");
for (const line of closing) console.log(line);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

/** @param {Step} step */
async function take({ name, program, args, env }) {
  say(name);
  const { status, text } = await run(program, args, env);
  const counts = read(text);
  closing.push(`  ${name}: ${counts.lines.length > 0 ? counts.lines.join("; ") : status === 0 ? "ok" : `failed with status ${status}`}`);
  passed += counts.passed;
  failed += counts.failed;
  // A step that counts nothing is itself one test; one that fails without a count has failed.
  if (counts.lines.length === 0 && status === 0) passed += 1;
  if (counts.failed === 0 && status !== 0) failed += 1;
}

/**
 * Runs a program, shows what it prints, and keeps it.
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @returns {Promise<{ status: number, text: string }>}
 */
function run(program, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env: { ...environment, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const [from, to] of /** @type {const} */ ([[child.stdout, process.stdout], [child.stderr, process.stderr]])) {
      from.setEncoding("utf8");
      from.on("data", (piece) => {
        text += piece;
        to.write(piece);
      });
    }
    child.on("error", (error) => resolve({ status: 1, text: `${text}${error.message}` }));
    child.on("close", (status) => resolve({ status: status ?? 1, text }));
  });
}

/**
 * The closing lines of cargo's test runner and of Node's.
 * @param {string} text
 */
function read(text) {
  // Runners colour their lines where they believe that somebody looks.
  const plain = text.replace(/\u001b\[[0-9;]*m/g, "");
  const counts = { passed: 0, failed: 0, lines: /** @type {string[]} */ ([]) };
  for (const [line, good, bad] of plain.matchAll(/^test result: .*?(\d+) passed; (\d+) failed.*$/gm)) {
    counts.passed += Number(good);
    counts.failed += Number(bad);
    // A target without tests has nothing to say.
    if (Number(good) + Number(bad) > 0) counts.lines.push(line);
  }
  const [good, bad] = ["pass", "fail"].map((word) => Number(plain.match(new RegExp(`^ℹ ${word} (\\d+)$`, "m"))?.[1] ?? NaN));
  if (!Number.isNaN(good) && !Number.isNaN(bad)) {
    counts.passed += good;
    counts.failed += bad;
    counts.lines.push(`${good} passed, ${bad} failed`);
  }
  return counts;
}

/** @param {string} folder @returns {string[]} */
function files(folder) {
  const names = readdirSync(join(root, folder)).filter((name) => name.endsWith(".test.mjs"));
  return names.sort().map((name) => `${folder}/${name}`);
}
