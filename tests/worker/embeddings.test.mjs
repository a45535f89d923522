// @ts-check
/** Embeddings: OpenAI's SDK by every provider that has them, and what each provider is asked. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { GoogleGenAI } from '@google/genai';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { exchange, get, post } from './client.mjs';
import { OPENAI_KEY, startGateway } from './gateway.mjs';

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
/** @type {OpenAI} */
let client;
before(async () => {
  gateway = await startGateway((url) => ({
    PROVIDERS: JSON.stringify([{ name: 'workers-rest', dialect: 'workers-ai', base_url: `${url}/client/v4/accounts/acc/ai/run` }]),
    ROUTES: JSON.stringify({ vectors: ['openai/down', 'ollama/nomic'] }),
  }));
  client = new OpenAI({ apiKey: 'unused', baseURL: `${gateway.worker.url}/v1`, defaultHeaders: gateway.worker.headers, maxRetries: 0 });
});
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

/** @param {unknown} body @param {number} [status] @returns {import('../simulator/wire.mjs').Reply} */
const reply = (body, status = 200) => ({ status, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify(body)] });

const FIRST = [0.5, -1.25, 3];
const SECOND = [0.0625, 2, -4];
const TEXTS = ['one é', 'two 🌊'];
const OPENAI_LIST = { object: 'list', model: 'm-1', data: [{ object: 'embedding', index: 1, embedding: SECOND }, { object: 'embedding', index: 0, embedding: FIRST }], usage: { prompt_tokens: 7, total_tokens: 7 } };

/** @type {[model: string, answer: unknown, path: string, body: unknown, tokens: number][]} */
const PROVIDERS = [
  ['openai/text-embedding-4', OPENAI_LIST, '/v1/embeddings', { model: 'text-embedding-4', input: TEXTS, encoding_format: 'float', dimensions: 3 }, 7],
  ['ollama/nomic', { model: 'nomic', embeddings: [FIRST, SECOND], prompt_eval_count: 5 }, '/api/embed', { model: 'nomic', input: TEXTS, dimensions: 3 }, 5],
  ['gemini/gemini-embedding-001', { embeddings: [{ values: FIRST }, { values: SECOND }] }, '/gemini/v1beta/models/gemini-embedding-001:batchEmbedContents',
    { requests: TEXTS.map((text) => ({ model: 'models/gemini-embedding-001', content: { parts: [{ text }] }, outputDimensionality: 3 })) }, 4],
  ['workers-rest/@cf/baai/bge-m3', { result: { shape: [2, 3], data: [FIRST, SECOND] }, success: true }, '/client/v4/accounts/acc/ai/run/@cf/baai/bge-m3', { text: TEXTS }, 4],
];

describe('OpenAI\'s SDK', () => {
  for (const [model, answer, path, body, tokens] of PROVIDERS) {
    test(`by ${model}`, async () => {
      gateway.simulator.script(reply(answer));
      // Without a format the SDK asks for base64, and reads that.
      for (const format of /** @type {const} */ ([undefined, 'float'])) {
        const { data, usage } = await client.embeddings.create({ model, input: TEXTS, dimensions: 3, ...(format && { encoding_format: format }) });
        assert.deepEqual(data.map(({ index, embedding }) => [index, [...embedding]]), [[0, FIRST], [1, SECOND]]);
        assert.deepEqual([usage.prompt_tokens, usage.total_tokens], [tokens, tokens]);
      }
      const [asked] = gateway.simulator.requests;
      assert.equal(asked.path, path);
      assert.deepEqual(asked.json, body);
    });
  }

  test('one text is a list of one, and the key is the provider\'s', async () => {
    gateway.simulator.script(reply({ ...OPENAI_LIST, data: OPENAI_LIST.data.slice(1) }));
    const { data } = await client.embeddings.create({ model: 'openai/m', input: 'one' });
    assert.equal(data.length, 1);
    assert.equal(gateway.simulator.requests[0].headers.authorization, `Bearer ${OPENAI_KEY}`);
  });

  test('a provider that fails is asked again, and an alias goes on to the next', async () => {
    gateway.simulator.script(reply({ error: { message: 'busy' } }, 503), reply(OPENAI_LIST));
    await client.embeddings.create({ model: 'openai/m', input: TEXTS });
    assert.equal(gateway.simulator.requests.length, 2);
    gateway.simulator.script(({ path }) => (path.startsWith('/v1') ? reply({ error: { message: 'no' } }, 400) : reply({ embeddings: [FIRST, SECOND] })));
    assert.equal((await client.embeddings.create({ model: 'vectors', input: TEXTS })).data.length, 2);
  });

  test('too few vectors are an error: each text has its own', async () => {
    gateway.simulator.script(reply({ embeddings: [FIRST] }));
    await assert.rejects(client.embeddings.create({ model: 'ollama/nomic', input: TEXTS }), { status: 502 });
  });

  test('what has no embeddings says so', async () => {
    for (const [model, status] of /** @type {const} */ ([['anthropic/claude-haiku-5-5', 404], ['demo', 404], ['nobody/m', 404]])) {
      await assert.rejects(client.embeddings.create({ model, input: 'a' }), { status });
    }
    assert.equal(gateway.simulator.requests.length, 0);
  });

  test('a wrong field is named', async () => {
    for (const [body, param] of /** @type {[any, string][]} */ ([[{ model: 'openai/m' }, 'input'], [{ model: 'openai/m', input: [] }, 'input'], [{ model: 'openai/m', input: [1, 2] }, 'input'], [{ model: 'openai/m', input: 'a', dimensions: 0 }, 'dimensions']])) {
      const { status, json } = await post(gateway.worker, '/v1/embeddings', body);
      assert.deepEqual([status, json.error.type, json.error.param], [400, 'invalid_request_error', param]);
    }
  });
});

describe('the list of models', () => {
  test('names what is ready, with its provider, and the aliases', async () => {
    const { data } = await client.models.list();
    const ids = data.map(({ id }) => id);
    assert.ok(['vectors', 'openai/gpt-6-luna', 'anthropic/claude-haiku-5-5', 'demo/demo'].every((id) => ids.includes(id)), ids.join());
    assert.ok(!ids.some((id) => id.startsWith('workers-ai/')), 'what is not configured is not listed');
    assert.deepEqual(data.find(({ id }) => id === 'demo/demo'), { id: 'demo/demo', object: 'model', created: 0, owned_by: 'demo' });
    assert.equal((await client.models.retrieve('openai/gpt-6-luna')).owned_by, 'openai');
    await assert.rejects(client.models.retrieve('openai/nothing'), { status: 404 });
  });

  test('has Anthropic\'s shape for who sends its version', async () => {
    const { json } = await get(gateway.worker, '/v1/models', { 'anthropic-version': '2023-06-01' });
    assert.deepEqual([json.data[0].type, json.has_more, json.first_id], ['model', false, json.data[0].id]);
  });

  test('is told to whom asks for it otherwise', async () => {
    const { status, headers } = await exchange(gateway.worker, '/v1/models', { method: 'POST' });
    assert.deepEqual([status, headers.allow], [405, 'GET']);
  });
});

describe('Gemini\'s SDK', () => {
  test('embeds, counts and lists by any provider', async () => {
    const gemini = new GoogleGenAI({ apiKey: 'unused', httpOptions: { baseUrl: gateway.worker.url, headers: gateway.worker.headers } });
    gateway.simulator.script(reply({ embeddings: [FIRST, SECOND] }));
    const { embeddings = [] } = await gemini.models.embedContent({ model: 'ollama/nomic', contents: TEXTS });
    assert.deepEqual(embeddings.map(({ values }) => values), [FIRST, SECOND]);
    // What nobody counts is guessed, and says so.
    const counted = await post(gateway.worker, '/v1beta/models/ollama/nomic:countTokens', { contents: [{ parts: [{ text: 'twelve bytes' }] }] });
    assert.deepEqual(counted.json, { totalTokens: 3, estimated: true });
    assert.equal((await gemini.models.countTokens({ model: 'ollama/nomic', contents: 'twelve bytes' })).totalTokens, 3);
    const names = [];
    for await (const { name } of await gemini.models.list()) names.push(name);
    assert.ok(names.includes('models/openai/gpt-6-luna'), names.join());
    assert.equal((await gemini.models.get({ model: 'models/demo/demo' })).displayName, 'demo/demo');
  });

  test('is told what is not there, in its own words', async () => {
    for (const path of ['/v1beta/models/nothing', '/v1beta/models/demo:sing', '/v1beta/nothing']) {
      const { status, json } = await exchange(gateway.worker, path, { method: path.endsWith('sing') ? 'POST' : 'GET' });
      assert.deepEqual([status, json.error.status], [404, 'NOT_FOUND'], path);
    }
  });
});

describe('Ollama\'s SDK', () => {
  test('embeds by any provider, in the newer and the older form', async () => {
    const ollama = new Ollama({ host: gateway.worker.url, headers: gateway.worker.headers });
    gateway.simulator.script(reply(OPENAI_LIST));
    assert.deepEqual((await ollama.embed({ model: 'openai/m', input: TEXTS })).embeddings, [FIRST, SECOND]);
    assert.deepEqual((await ollama.embeddings({ model: 'openai/m', prompt: 'a' }).catch(({ message }) => message)), 'the provider gave 2 vectors for 1 texts');
    gateway.simulator.script(reply({ ...OPENAI_LIST, data: OPENAI_LIST.data.slice(1) }));
    assert.deepEqual((await ollama.embeddings({ model: 'openai/m', prompt: 'a' })).embedding, FIRST);
  });
});
