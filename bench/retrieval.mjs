// @ts-check
// A collection of ten thousand pieces with vectors of 1,536 numbers, in one object of the plain runtime.

import { median } from "./streams.mjs";

const PIECES = 10_000;
/** Pieces a document, and documents a request. */
const [A_DOCUMENT, A_REQUEST] = [20, 10];
/** A piece is a paragraph of about this many characters: one paragraph is one piece. */
const LENGTH = 900;

const SUBJECTS = ["river", "harbour", "engine", "garden", "violin", "glacier", "market", "library", "orchard", "signal", "lantern", "bridge"];
const VERBS = ["carries", "holds", "turns", "keeps", "crosses", "follows", "gathers", "measures", "opens", "remembers"];
const OBJECTS = ["water", "grain", "letters", "stones", "voices", "salt", "copper", "maps", "seeds", "bells", "threads", "clocks"];

/** Words by a number: the same each time. @param {number} at */
function sentence(at) {
  const of = (/** @type {string[]} */ words, /** @type {number} */ step) => words[Math.floor(at / step) % words.length];
  return `The ${of(SUBJECTS, 1)} of place${at % 997} ${of(VERBS, 7)} ${of(OBJECTS, 3)} and ${of(OBJECTS, 41)} past mark${at % 1013}.`;
}

/** @param {number} number */
function paragraph(number) {
  let text = `Piece number${number}.`;
  for (let at = number * 31; text.length < LENGTH; at += 1) text += ` ${sentence(at)}`;
  return text.slice(0, LENGTH);
}

/** @typedef {{ ports: { worker: number }, cpu: () => number, memory: () => number }} Runtime */

/**
 * Fills the collection and searches it.
 * @param {Runtime} runtime
 * @param {number} times how often each kind of search is made
 */
export async function search({ ports, cpu, memory }, times) {
  const base = `http://127.0.0.1:${ports.worker}/api/v1/collections/bench`;
  const post = async (/** @type {string} */ path, /** @type {object} */ body) => {
    const answer = await fetch(`${base}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const json = await answer.json();
    // A number means nothing if what was asked for was not done.
    if (!answer.ok) throw new Error(`${path} gave ${answer.status}: ${JSON.stringify(json)}`);
    return json;
  };
  const before = { cpu: cpu(), memory: memory(), at: performance.now() };
  const pieces = Array.from({ length: PIECES }, (_, number) => paragraph(number));
  for (let from = 0; from < PIECES; from += A_DOCUMENT * A_REQUEST) {
    const documents = Array.from({ length: A_REQUEST }, (_, index) => {
      const start = from + index * A_DOCUMENT;
      return { id: `d${start}`, text: pieces.slice(start, start + A_DOCUMENT).join("\n\n") };
    });
    await post("/documents", { documents });
  }
  const { chunks } = await (await fetch(base)).json();
  const filled = { cpu: cpu(), memory: memory(), at: performance.now() };
  const seconds = (/** @type {number} */ ms) => (ms / 1000).toFixed(1);
  console.log(`\na collection of ${chunks} pieces with vectors of 1536 numbers`);
  console.log(`filled in ${seconds(filled.at - before.at)} s, ${((filled.cpu - before.cpu) / chunks).toFixed(0)} us of CPU a piece, grew ${(filled.memory - before.memory).toFixed(0)} MB`);

  const kinds = {
    "by words": (/** @type {number} */ at) => ({ query: `which ${SUBJECTS[at % 12]} ${VERBS[at % 10]} place${at}`, mode: "keyword" }),
    "by meaning, a new question": (/** @type {number} */ at) => ({ query: `number${at * 7} place${at}`, mode: "vector" }),
    "by meaning, asked before": (/** @type {number} */ at) => ({ query: `number${at * 7} place${at}`, mode: "vector" }),
    "by both, a new question": (/** @type {number} */ at) => ({ query: `${sentence(at)} again`, mode: "hybrid" }),
    "by both, asked before": (/** @type {number} */ at) => ({ query: `${sentence(at)} again`, mode: "hybrid" }),
  };
  const first = { cpu: cpu(), at: performance.now() };
  await post("/search", { query: "the first question of all", mode: "vector" });
  console.log(`the first search reads all sketches: ${(performance.now() - first.at).toFixed(0)} ms, ${((cpu() - first.cpu) / 1000).toFixed(0)} ms of CPU`);
  console.log(["".padEnd(32), "ms", "CPU ms", "of words"].map((title) => title.padStart(9)).join(""));
  let words = NaN;
  for (const [name, ask] of Object.entries(kinds)) {
    const [all, began] = [/** @type {number[]} */ ([]), cpu()];
    for (let at = 0; at < times; at += 1) {
      const start = performance.now();
      const { results } = await post("/search", { ...ask(at), top_k: 5 });
      if (results.length !== 5) throw new Error(`${name} found ${results.length}`);
      all.push(performance.now() - start);
    }
    const own = (cpu() - began) / 1000 / times;
    if (Number.isNaN(words)) words = own;
    console.log(name.padEnd(32) + [median(all).toFixed(1), own.toFixed(1), (own / words).toFixed(2)].map((figure) => figure.padStart(9)).join(""));
  }
  const { results } = await post("/search", { query: "number4321", mode: "keyword" });
  if (!results[0]?.text.includes("number4321.")) throw new Error("what is there was not found");
  console.log(`the runtime grew ${(memory() - before.memory).toFixed(0)} MB in all; an object has 128`);
}
