// @ts-check
/** What tests of collections ask of them, and providers and stores that serve them. */
import assert from 'node:assert/strict';
import { answerEmbeddings, servesEmbeddings, textsOf } from '../simulator/embeddings.mjs';
import { exchange, get, post } from './client.mjs';

export const COLLECTIONS = '/api/v1/collections';

/**
 * @typedef {import('./client.mjs').Server} Server
 * @typedef {import('../simulator/simulator.mjs').Simulator} Simulator
 * @typedef {import('../simulator/simulator.mjs').Recorded} Recorded
 * @typedef {Record<string, string>} Headers
 * @typedef {object} Hit
 * @property {string} document
 * @property {number} chunk
 * @property {string} title
 * @property {string} url
 * @property {string} text
 * @property {any} metadata
 * @property {number} score
 * @property {number | null} keyword_rank
 * @property {number | null} vector_rank
 */

/** Where a collection is. @param {string} name @param {string} [rest] */
export const at = (name, rest = '') => `${COLLECTIONS}/${name}${rest}`;

/** Where its documents are, or one of them. @param {string} name @param {string} [id] */
export const documents = (name, id) => at(name, id === undefined ? '/documents' : `/documents/${encodeURIComponent(id)}`);

/** Adds documents, or one. @param {Server} server @param {string} name @param {object | object[]} added @param {Headers} [headers] @returns {Promise<any>} */
export async function add(server, name, added, headers) {
  const { status, text, json } = await post(server, documents(name), Array.isArray(added) ? { documents: added } : added, headers);
  assert.equal(status, 201, text);
  return json;
}

/** @param {Server} server @param {string} name @param {string} query @param {object} [more] @param {Headers} [headers] @returns {Promise<{ results: Hit[], mode: string }>} */
export async function search(server, name, query, more = {}, headers) {
  const { status, text, json } = await post(server, at(name, '/search'), { query, ...more }, headers);
  assert.equal(status, 200, text);
  assert.ok(json.results.every((/** @type {Hit} */ { score }) => Number.isFinite(score)), text);
  return json;
}

/** The documents that are found, the best one first. @param {Server} server @param {string} name @param {string} query @param {object} [more] @param {Headers} [headers] */
export const found = async (server, name, query, more, headers) => (await search(server, name, query, more, headers)).results.map(({ document }) => document);

/** @param {Server} server @param {string} path @param {Headers} [headers] */
export const remove = (server, path, headers) => exchange(server, path, { method: 'DELETE', headers });

/** All that can be asked of a collection by its name. @param {Server} server @param {string} name @param {string} id @param {Headers} [headers] @returns {Promise<[what: string, answer: import('./client.mjs').Answer][]>} */
export async function askAll(server, name, id, headers) {
  return [
    ['the collection', await get(server, at(name), headers)],
    ['its documents', await get(server, documents(name), headers)],
    ['a document', await get(server, documents(name, id), headers)],
    ['a search', await post(server, at(name, '/search'), { query: 'text' }, headers)],
    ['without a document', await remove(server, documents(name, id), headers)],
  ];
}

/** Providers that embed, and a store that keeps what they made. @param {Simulator} simulator @param {import('../simulator/stores/space.mjs').Store} [store] */
export function serve(simulator, store) {
  simulator.script((request) => {
    if (store?.serves(request)) return store.answer(request);
    return servesEmbeddings(request) ? answerEmbeddings(request) : { status: 404 };
  });
}

/** The texts that providers were asked to embed, so far. @param {Simulator} simulator */
export const embedded = ({ requests }) => requests.flatMap(textsOf);

/** Paragraphs of so many bytes or just more, none like another, each with its number. @param {number} bytes @param {(index: number) => string} [sentence] */
export function paragraphs(bytes, sentence = (index) => `Paragraph number ${index} speaks of matter ${index * 7919} and of nothing else, as each of them does in its turn.`) {
  const all = [];
  for (let size = 0; size < bytes; size += Buffer.byteLength(/** @type {string} */ (all.at(-1))) + 2) all.push(sentence(all.length));
  return all.join('\n\n');
}
