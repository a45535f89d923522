// @ts-check
// Measures the worker beside three baselines, in one run on the plain runtime.
//
//   npm run bench                 everything, some minutes
//   npm run bench -- --quick      fewer rounds
//   npm run bench -- --core       only the pure core, on this machine, and whether the check of a key tells anything
//   npm run bench -- --retrieval  only the search of a collection
//
// Machines are noisy: what counts are ratios between variants of one round, and their medians.

import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { search } from "../bench/retrieval.mjs";
import { KEY, start } from "../bench/runtime.mjs";
import { median, prepare, readOne } from "../bench/streams.mjs";
import { fail, root, run, say } from "./lib.mjs";

const quick = process.argv.includes("--quick");
const ROUNDS = quick ? 5 : 15;

/** Longer than anything takes that is done behind an answer: the account keeps what a run cost after a tenth of a second. */
const BEHIND_MS = 300;

/** The most of everything off that everything on may take. */
const MOST_FULL = 1.3;

/** Streams at once, tokens a network chunk, milliseconds between chunks, tokens a stream; and the most of (c) and (b) that we aim at. */
const SHAPES = [
  { at: 1, per: 1, gap: 0, tokens: 6000, ofC: 0.95, ofB: 1.1 },
  { at: 1, per: 16, gap: 0, tokens: 32000, ofC: 0.5, ofB: 1 },
  { at: 1, per: 128, gap: 0, tokens: 128000, ofC: 0.3, ofB: 0.5 },
  { at: 50, per: 1, gap: 0, tokens: 300, ofC: 0.95, ofB: 1.1 },
  { at: 50, per: 16, gap: 0, tokens: 3200, ofC: 0.5, ofB: 1 },
  { at: 50, per: 128, gap: 0, tokens: 12800, ofC: 0.3, ofB: 0.5 },
  { at: 50, per: 1, gap: 2, tokens: 200, ofC: 0.95, ofB: 1.1 },
];

if (process.argv.includes("--retrieval")) {
  await retrieval();
  process.exit(0);
}
if (!process.argv.includes("--core")) {
  await streams();
  await retrieval();
}
if (process.argv.includes("--streams")) process.exit(0);
say("the pure core, in bytes a second");
bench("core", quick ? ["--quick"] : []);
say("what the time of a key's check tells");
bench("keys", []);

/** @param {string} name @param {string[]} options */
function bench(name, options) {
  const { ok, why } = run("cargo", ["bench", "--no-default-features", "--bench", name, "--", ...options]);
  if (!ok) fail(why);
}

/** A collection of ten thousand pieces: what it costs to fill and to search, and what it holds in memory. */
async function retrieval() {
  await import("./build.mjs");
  const runtime = await start(root);
  await search(runtime, quick ? 20 : 100);
  runtime.stop();
}

async function streams() {
  if (!existsSync("/proc/self/schedstat")) fail("the benchmark reads /proc: it runs on Linux only");
  await import("./build.mjs");
  const runtime = await start(root);
  const baseline = (/** @type {string} */ path) => ({ port: runtime.ports.baselines, path, provider: false });
  const variants = {
    "(a) native passthrough": baseline("/passthrough"),
    "(b) identity TransformStream": baseline("/identity"),
    "(c) parse and re-emit by hand": baseline("/handwritten"),
    tributary: { port: runtime.ports.worker, path: "/api/v1/chat/stream", provider: true },
    "tributary, in a session": { port: runtime.ports.worker, path: "/api/v1/chat/stream", provider: true, session: true },
    "tributary, everything on": { port: runtime.ports.full, path: "/api/v1/chat/stream", provider: true, key: KEY },
    "tributary, and cached": { port: runtime.ports.full, path: "/api/v1/chat/stream", provider: true, key: KEY, caches: true },
    "tributary, same language": { port: runtime.ports.worker, path: "/v1/chat/completions", provider: true },
  };
  const { tributary, "tributary, everything on": full } = variants;
  for (const shape of SHAPES) {
    report(shape, Object.keys(variants), await measure(shape, variants, ROUNDS, runtime));
    // By themselves and more often: of one stream there is one first token a round, and what runs before it is in it.
    reportFull(await measure(shape, { off: tributary, on: full }, shape.at === 1 ? 2 * ROUNDS : ROUNDS, runtime));
  }
  runtime.stop();
}

/** What a variant took in each round. @typedef {Record<string, { cpu: number, ms: number, first: number, bytes: number, memory: number }[]>} Rounds */

/**
 * @param {typeof SHAPES[number]} shape
 * @param {Record<string, import("../bench/streams.mjs").Variant>} variants
 * @param {number} count how many rounds
 * @param {Awaited<ReturnType<typeof start>>} runtime
 */
async function measure(shape, variants, count, runtime) {
  const names = Object.keys(variants);
  /** @type {Rounds} */
  const rounds = Object.fromEntries(names.map((name) => [name, []]));
  /** @type {Record<string, (string | undefined)[]>} */
  const sessions = {};
  for (const name of names) sessions[name] = await Promise.all(Array.from({ length: shape.at }, () => prepare(variants[name])));
  for (let round = -1; round < count; round += 1) {
    // Turn about, so that no variant always has the warmer machine.
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const [cpu, memory, began] = [runtime.cpu(), runtime.memory(), performance.now()];
      const all = await Promise.all(sessions[name].map((session) => readOne(variants[name], shape, session)));
      const ms = performance.now() - began;
      // What a run leaves to be done behind its last byte is its own, and must not be in the way of the next one.
      await delay(BEHIND_MS);
      const tokens = shape.at * shape.tokens;
      const bytes = all.reduce((sum, one) => sum + one.bytes, 0);
      const first = median(all.map((one) => one.first));
      // The first round warms up.
      if (round >= 0) rounds[name].push({ cpu: (runtime.cpu() - cpu) / tokens, ms, first, bytes, memory: runtime.memory() - memory });
    }
  }
  return rounds;
}

/** @param {typeof SHAPES[number]} shape @param {string[]} names @param {Rounds} rounds */
function report(shape, names, rounds) {
  const streams = shape.at === 1 ? "1 stream" : `${shape.at} streams`;
  const tokens = shape.per === 1 ? "1 token a chunk" : `${shape.per} tokens a chunk`;
  console.log(`\n${streams}, ${tokens}${shape.gap > 0 ? `, ${shape.gap} ms apart` : ""}`);
  console.log(["".padEnd(32), "us/token", "of (b)", "of (c)", "first ms", "MB/s", "grew MB"].map((title) => title.padStart(9)).join(""));
  const [, identity, byHand] = names;
  for (const name of names) {
    const own = rounds[name];
    const ratio = (/** @type {string} */ other) => median(own.map((one, index) => one.cpu / rounds[other][index].cpu));
    const figures = [
      median(own.map((one) => one.cpu)).toFixed(2),
      ratio(identity).toFixed(2),
      ratio(byHand).toFixed(2),
      median(own.map((one) => one.first)).toFixed(1),
      median(own.map((one) => one.bytes / one.ms / 1000)).toFixed(1),
      median(own.map((one) => one.memory)).toFixed(1),
    ];
    console.log(name.padEnd(32) + figures.map((figure) => figure.padStart(9)).join(""));
  }
  const against = (/** @type {string} */ other) => median(rounds.tributary.map((one, index) => one.cpu / rounds[other][index].cpu));
  console.log(
    `aim: at most ${shape.ofC} of (c): ${verdict(against(byHand), shape.ofC)}; at most ${shape.ofB} of (b): ${verdict(against(identity), shape.ofB)}`,
  );
}

/** @param {Rounds} rounds */
function reportFull({ on, off }) {
  const more = (/** @type {"cpu" | "first"} */ what) => median(on.map((one, index) => one[what] / off[index][what]));
  const said = (/** @type {number} */ ratio) => `${ratio.toFixed(2)} (${verdict(ratio, MOST_FULL)})`;
  console.log(`everything on, of everything off; aim: at most ${MOST_FULL}: CPU ${said(more("cpu"))}, first token ${said(more("first"))}`);
}

/** @param {number} ratio @param {number} most */
function verdict(ratio, most) {
  return ratio <= most ? "met" : "missed";
}
