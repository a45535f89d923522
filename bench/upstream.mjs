// @ts-check
// A provider for the benchmark: streams Chat Completions as fast as it is read, in network chunks of
// as many tokens as asked for. The shape of a stream rides in the model's name, because that is a
// thing which every worker under test passes on: `tokens-per-gap`.

import { createServer } from "node:http";

const WORDS = ["Hello", " there", " brave", ' \\"new\\"', " world", ",", " streams", " of", " tokens", "\\n", "é", " and", " so", " on"];

/** Padded at random, as the vendor's streams are. @param {string} delta @param {string} finish */
const chunk = (delta, finish = "null") =>
  'data: {"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk","created":1741570283,' +
  '"model":"gpt-6-luna-2026-08-06","service_tier":"default","system_fingerprint":"fp_50cad350e4",' +
  `"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}],"usage":null,` +
  `"obfuscation":"${Math.random().toString(36).slice(2, 10)}"}\n\n`;

const FIRST = chunk('{"role":"assistant","content":"","refusal":null}');
const LAST = `${chunk("{}", '"stop"')}data: [DONE]\n\n`;

/** @type {Map<string, Buffer>} */
const made = new Map();

/** @param {number} per @param {number} at */
function networkChunk(per, at) {
  const key = `${per}:${at % WORDS.length}`;
  let bytes = made.get(key);
  if (!bytes) {
    const tokens = Array.from({ length: per }, (_, index) => chunk(`{"content":"${WORDS[(at + index) % WORDS.length]}"}`));
    bytes = Buffer.from(tokens.join(""));
    made.set(key, bytes);
  }
  return bytes;
}

/**
 * Vectors of as many numbers as the model's name says, for OpenAI's embeddings: those of texts that share words are
 * near each other. @param {{ model: string, input: string[] }} asked
 */
function embeddings({ model, input }) {
  const dimensions = Number(model);
  const data = input.map((text, index) => {
    const vector = new Float32Array(dimensions).fill(0.001);
    for (const word of text.toLowerCase().match(/[a-z0-9]+/g) ?? []) {
      let hash = 2166136261;
      for (let at = 0; at < word.length; at += 1) hash = Math.imul(hash ^ word.charCodeAt(at), 16777619) >>> 0;
      // A word is a few directions: two words hardly ever share all of them.
      for (let turn = 0; turn < 4; turn += 1) {
        vector[hash % dimensions] += hash & 1 ? 1 : -1;
        hash = Math.imul(hash ^ (hash >>> 13), 0x5bd1e995) >>> 0;
      }
    }
    return { object: "embedding", index, embedding: Array.from(vector, (value) => Math.round(value * 1000) / 1000) };
  });
  return { object: "list", model, data, usage: { prompt_tokens: input.length, total_tokens: input.length } };
}

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    if (request.url?.endsWith("/embeddings")) {
      response.writeHead(200, { "content-type": "application/json" });
      return void response.end(JSON.stringify(embeddings(JSON.parse(body))));
    }
    const [tokens, per, gap] = String(JSON.parse(body).model).split("-").map(Number);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.socket?.setNoDelay(true);
    response.write(FIRST);
    let at = 0;
    const later = gap > 0 ? (/** @type {() => void} */ next) => setTimeout(next, gap) : setImmediate;
    const step = () => {
      if (response.closed) return;
      if (at >= tokens) return void response.end(LAST);
      const bytes = networkChunk(per, at);
      at += per;
      if (response.write(bytes)) later(step);
      else response.once("drain", step);
    };
    later(step);
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(typeof address === "object" && address ? address.port : "");
});
