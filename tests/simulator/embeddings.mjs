// @ts-check
/**
 * Embeddings that mean something: texts with the same words are near, and so are texts with other words
 * for the same things. And the routes by which each provider is asked for them, with its limits.
 *
 * In: a request. Out: a reply. Always the same for the same text.
 */

/**
 * @typedef {import('./wire.mjs').Reply} Reply
 * @typedef {import('./simulator.mjs').Recorded} Recorded
 * @typedef {object} Way
 * @property {RegExp} path
 * @property {(request: { json: any }) => unknown} texts  What is to be embedded.
 * @property {(texts: string[]) => Reply | undefined} refuses  What is too much for it.
 * @property {(request: { path: string, json: any }, vectors: number[][], texts: string[]) => object} body
 */

export const DIMENSIONS = 64;

/** Words that mean the same; the first one stands for all. */
const SYNONYMS = [
  ['car', 'automobile', 'vehicle', 'auto'],
  ['doctor', 'physician', 'medic'],
  ['film', 'movie', 'picture'],
  ['buy', 'purchase', 'acquire'],
  ['quick', 'fast', 'rapid', 'swift'],
  ['dog', 'hound', 'puppy'],
  ['sofa', 'couch', 'settee'],
  ['begin', 'start', 'commence'],
];
const MEANING = new Map(SYNONYMS.flatMap(([first, ...others]) => others.map((other) => [other, first])));
/** They stand in every text, and say nothing about it. */
const EMPTY = new Set('a an and are as at be by do does for from how i in is it my of on or that the this to was what when where which who why with'.split(' '));
/** A word is spread over so many dimensions, so that no two are the same to a short vector. */
const SPREAD = 4;
/** A character of Chinese, Japanese or Korean, or a run of other letters and digits. */
const WORD = /(?=\p{L})[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}]|(?:(?![\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}])[\p{L}\p{N}])+/gu;

/** The direction of a text, of length 1. @param {string} text @param {number} [dimensions] @returns {number[]} */
export function embed(text, dimensions = DIMENSIONS) {
  const vector = new Array(dimensions).fill(0);
  for (const word of words(text)) {
    for (let part = 0; part < SPREAD; part += 1) {
      const hash = hashed(`${part}:${word}`);
      vector[hash % dimensions] += (hash >>> 31) === 0 ? 1 : -1;
    }
  }
  const length = Math.hypot(...vector);
  // A text without words has a direction of its own: some stores take no vector of zeros.
  if (length === 0) vector[0] = 1;
  return vector.map((value) => Math.fround(value / (length || 1)));
}

/** What counts in a text: words without their endings and accents, and each character of scripts without spaces. @param {string} text */
function words(text) {
  const found = text.normalize('NFKD').replace(/\p{M}/gu, '').normalize('NFC').toLowerCase().match(WORD) ?? [];
  const stems = found.map((word) => (/[^s]s$/.test(word) && word.length > 3 ? word.slice(0, -1) : word));
  return stems.filter((word) => !EMPTY.has(word)).map((word) => MEANING.get(word) ?? word);
}

/** FNV-1a. @param {string} text */
function hashed(text) {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 0;
}

/** As a tokenizer would count, about. @param {string} text */
const tokens = (text) => Math.ceil(Buffer.byteLength(text) / 4);
/** @param {string[]} texts */
const sum = (texts) => texts.reduce((all, text) => all + tokens(text), 0);

/** @param {number} status @param {unknown} body @returns {Reply} */
const json = (status, body) => ({ status, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify(body)] });
/** @param {string} message @param {string | null} [code] */
const openaiRefusal = (message, code = null) => json(400, { error: { message, type: 'invalid_request_error', param: null, code } });

/** Little-endian floats. @param {number[]} vector */
const base64 = (vector) => Buffer.from(Float32Array.from(vector).buffer).toString('base64');

/** @param {{ json: any }} request @param {number[][]} vectors @param {string[]} texts */
const openaiList = ({ json: { model, encoding_format: format } }, vectors, texts) => ({
  object: 'list',
  data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: format === 'base64' ? base64(vector) : vector })),
  model,
  usage: { prompt_tokens: sum(texts), total_tokens: sum(texts) },
});

/** @type {Record<'together' | 'openai' | 'gemini' | 'ollama' | 'workersRest' | 'workersBinding', Way>} */
const WAYS = {
  // Its limits it does not tell.
  together: { path: /^\/together\/v1\/embeddings$/, texts: ({ json: { input } }) => input, refuses: () => undefined, body: openaiList },
  openai: {
    path: /\/embeddings$/,
    texts: ({ json: { input } }) => input,
    refuses(texts) {
      if (texts.length > 2048) return openaiRefusal(`'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.`);
      if (texts.some((text) => text === '')) return openaiRefusal('\'$.input\' is invalid: input cannot be an empty string.');
      const longest = Math.max(...texts.map(tokens));
      if (longest > 8192) return openaiRefusal(`This model's maximum context length is 8192 tokens, however you requested ${longest} tokens (${longest} in your prompt; 0 for the completion). Please reduce your prompt; or completion length.`);
      return sum(texts) > 300_000 ? openaiRefusal(`Requested ${sum(texts)} tokens, max 300000 tokens per request`, 'max_tokens_per_request') : undefined;
    },
    body: openaiList,
  },
  gemini: {
    path: /\/models\/[^/]+:batchEmbedContents$/,
    texts: ({ json: { requests } }) => requests?.map((/** @type {any} */ { content }) => content?.parts?.map((/** @type {any} */ { text }) => text).join('')),
    refuses: (texts) => (texts.length > 100
      ? json(400, { error: { code: 400, message: '* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n', status: 'INVALID_ARGUMENT' } })
      : undefined),
    body: (_, vectors, texts) => ({ embeddings: vectors.map((values) => ({ values })), usageMetadata: { promptTokenCount: sum(texts) } }),
  },
  ollama: {
    path: /^\/api\/embed$/,
    texts: ({ json: { input } }) => input,
    refuses: () => undefined,
    body: ({ json: { model } }, embeddings, texts) => ({ model, embeddings, total_duration: 14_143_917, load_duration: 1_019_500, prompt_eval_count: sum(texts) }),
  },
  // The binding, which has no envelope, as `with_ai.mjs` asks for it.
  workersBinding: { path: /^\/ai\/run\/@/, texts: ({ json: { text } }) => text, refuses: (texts) => tooManyForWorkers(texts, true), body: (_, data, texts) => shaped(data, texts) },
  workersRest: {
    path: /\/ai\/run\/@/,
    texts: ({ json: { text } }) => text,
    refuses: (texts) => tooManyForWorkers(texts, false),
    body: (_, data, texts) => ({ result: shaped(data, texts), success: true, errors: [], messages: [] }),
  },
};

/** @param {number[][]} data @param {string[]} texts */
const shaped = (data, texts) => ({ shape: [data.length, data[0]?.length ?? 0], data, pooling: 'cls', usage: { prompt_tokens: sum(texts), completion_tokens: 0, total_tokens: sum(texts) } });

/** @param {string[]} texts @param {boolean} bare */
function tooManyForWorkers(texts, bare) {
  if (texts.length <= 100) return undefined;
  const description = 'Error: oneOf at \'/\' not met, 0 matches: array length of \'/text\' must be <= 100';
  return bare
    ? json(400, { internalCode: 5006, name: 'AiError', message: 'AiError', description })
    : json(400, { result: null, success: false, errors: [{ code: 5006, message: `AiError: ${description}` }], messages: [] });
}

/** @param {{ method?: string, path: string, json?: any }} request @returns {Way | undefined} */
function wayOf({ method = 'POST', path, json: body }) {
  const way = Object.values(WAYS).find(({ path: pattern }) => pattern.test(path.split('?')[0]));
  // Workers AI runs everything at the same address: what has `text` is to be embedded.
  if (method !== 'POST' || !way || typeof body !== 'object' || body === null) return undefined;
  return /\/ai\/run\//.test(path) && body.text === undefined ? undefined : way;
}

/** Whether a request asks for embeddings, of any provider. @param {{ method?: string, path: string, json?: any }} request */
export const servesEmbeddings = (request) => wayOf(request) !== undefined;

/** The texts that a request wants embedded; none if it wants something else. @param {{ method?: string, path: string, json?: any }} request @returns {string[]} */
export function textsOf(request) {
  const texts = wayOf(request)?.texts({ json: request.json });
  return (Array.isArray(texts) ? texts : [texts]).filter((text) => typeof text === 'string');
}

/**
 * What the provider says that is asked.
 *
 * @param {{ method?: string, path: string, json?: any }} request @param {{ dimensions?: number }} [options]  Unless the request says how many. @returns {Reply}
 */
export function answerEmbeddings(request, { dimensions = DIMENSIONS } = {}) {
  const way = wayOf(request);
  if (!way) return { status: 404, headers: { 'content-type': 'text/plain' }, steps: ['no such path'] };
  const asked = way.texts({ json: request.json });
  const texts = typeof asked === 'string' ? [asked] : asked;
  if (!Array.isArray(texts) || texts.length === 0 || texts.some((text) => typeof text !== 'string')) return openaiRefusal('the texts are no list of strings');
  const refused = way.refuses(texts);
  if (refused) return refused;
  const size = request.json.dimensions ?? request.json.requests?.[0]?.outputDimensionality ?? dimensions;
  return json(200, way.body({ path: request.path, json: request.json }, texts.map((text) => embed(text, size)), texts));
}
