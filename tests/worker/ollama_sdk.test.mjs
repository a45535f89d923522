// @ts-check
/** Ollama's own packages, with nothing changed but the address, and providers of other languages behind. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Ollama } from 'ollama';
import * as gemini from '../simulator/formats/gemini.mjs';
import * as native from '../simulator/formats/ollama.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { flow, hangUp } from '../simulator/wire.mjs';
import { exchange, get, post } from './client.mjs';
import { OPENAI_KEY, startGateway } from './gateway.mjs';
import { surface } from './surfaces/ollama.mjs';

const MODEL = 'openai/gpt-6-luna';
const HELLO = [{ role: 'user', content: 'hello' }];
const LOOK = { type: 'function', function: { name: 'look', description: 'Looks.', parameters: { type: 'object', properties: { x: { type: 'number' } } } } };
const SIGNATURE = 'c2lnbmVk';

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
/** @type {Ollama} */
let ollama;
before(async () => {
  gateway = await startGateway((url) => ({
    ROUTES: JSON.stringify({ smart: ['openai/gpt-6-sol', 'together/simulated/llama'] }),
    PROVIDERS: JSON.stringify([{ name: 'keyless', base_url: `${url}/v1`, key: 'NOWHERE_API_KEY', models: ['k'] }]),
  }));
  ollama = new Ollama({ host: gateway.worker.url, headers: gateway.worker.headers });
});
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

/** @param {AsyncIterable<any>} stream */
async function collect(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

/** @param {string} text */
const readLines = (text) => text.split('\n').slice(0, -1).map((line) => JSON.parse(line));

// --- on the wire -------------------------------------------------------------------------------

test('without a word about it an answer streams, a line a step, to the letter', async () => {
  gateway.simulator.script(openai.streamed({ reasoning: ['Hm'], text: ['Hel', 'lo\n'] }));
  const { status, headers, text } = await post(gateway.worker, '/api/chat', { model: MODEL, messages: HELLO });
  assert.deepEqual([status, headers['content-type']], [200, 'application/x-ndjson']);
  const created = JSON.parse(text.split('\n')[0]).created_at;
  assert.match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.ok(Math.abs(Date.parse(created) - Date.now()) < 60_000);
  const head = `{"model":"${MODEL}","remote_model":"gpt-6-luna","provider":"openai","created_at":"${created}","message":{"role":"assistant","content":`;
  assert.equal(text, [
    `${head}"","thinking":"Hm"},"done":false}`,
    `${head}"Hel"},"done":false}`,
    `${head}"lo\\n"},"done":false}`,
    `${head}""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":12}`,
    '',
  ].join('\n'));
});

test('a call that its limit cut off is no call, and the last line says so', async () => {
  gateway.simulator.script(openai.streamed({
    toolCalls: [{ id: 'a', name: 'look', arguments: ['{"x"', ':1}'] }, { id: 'b', name: 'look', arguments: ['{"x":'] }], finish: 'length',
  }));
  const lines = readLines((await post(gateway.worker, '/api/chat', { model: MODEL, messages: HELLO, tools: [LOOK] })).text);
  assert.deepEqual(lines.map(({ message }) => message.tool_calls), [[{ id: 'a', function: { index: 0, name: 'look', arguments: { x: 1 } } }], undefined]);
  assert.deepEqual([lines[1].done_reason, lines[1].warnings], ['length', ['a call of look was left out: it was cut off']]);
});

test('what the provider has no field for is named in the last line, and what it cannot be told is refused', async () => {
  gateway.simulator.script(openai.streamed({ text: ['fine'] }));
  const ask = { model: MODEL, prompt: 'hello', keep_alive: '5m', options: { top_k: 3, seed: -1, num_predict: -1 } };
  const lines = readLines((await post(gateway.worker, '/api/generate', ask)).text);
  assert.deepEqual(lines.at(-1).warnings, ['options.top_k', 'keep_alive'].map((path) => `${path} was left out: the provider has no such field`));
  const { seed, max_completion_tokens: limit } = gateway.simulator.requests[0].json;
  assert.deepEqual([seed, limit], [undefined, undefined]);
  const { status, json } = await post(gateway.worker, '/api/generate', { ...ask, raw: true });
  assert.deepEqual([status, json], [400, { error: 'raw cannot be said to openai: only a provider of the same API understands it' }]);
});

test('what is withheld says so', async () => {
  gateway.simulator.script(openai.streamed({ text: ['Hel'], finish: 'content_filter' }), openai.streamed({ refusal: ['I will', ' not.'] }));
  const [filtered, refused] = [await ollama.chat({ model: MODEL, messages: HELLO }), await ollama.chat({ model: MODEL, messages: HELLO })];
  assert.deepEqual([filtered.message.content, filtered.done_reason], ['Hel', 'content_filter']);
  assert.deepEqual([refused.message.content, refused.done_reason], ['I will not.', 'refusal']);
});

// --- the package -------------------------------------------------------------------------------

test('chat, streamed and whole', async () => {
  gateway.simulator.script(openai.streamed({ text: ['Hel', 'lo'] }));
  const parts = await collect(await ollama.chat({ model: MODEL, messages: HELLO, stream: true }));
  assert.equal(parts.map(({ message }) => message.content).join(''), 'Hello');
  assert.deepEqual(parts.map(({ done }) => done), [false, false, true]);
  const whole = await ollama.chat({ model: MODEL, messages: HELLO, options: { temperature: 0.5, stop: ['x'] } });
  assert.deepEqual([whole.message, whole.done, whole.done_reason, whole.model], [{ role: 'assistant', content: 'Hello' }, true, 'stop', MODEL]);
  assert.deepEqual([whole.prompt_eval_count, whole.eval_count], [9, 12]);
  const [, { json, headers }] = gateway.simulator.requests;
  assert.deepEqual([json.temperature, json.stop, headers.authorization], [0.5, ['x'], `Bearer ${OPENAI_KEY}`]);
});

test('an alias is a model, and keeps its name', async () => {
  gateway.simulator.script(openai.streamed({ text: ['fine'], model: 'gpt-6-sol' }));
  const whole = /** @type {any} */ (await ollama.chat({ model: 'smart', messages: HELLO }));
  assert.deepEqual([whole.model, whole.remote_model, whole.provider], ['smart', 'gpt-6-sol', 'openai']);
});

test('generate, streamed and whole', async () => {
  gateway.simulator.script(openai.streamed({ reasoning: ['Hm'], text: ['Hel', 'lo'] }));
  const ask = { model: MODEL, prompt: 'hello', system: 'Be brief.', think: true };
  const parts = await collect(await ollama.generate({ ...ask, stream: true }));
  assert.deepEqual([parts.map(({ response }) => response).join(''), parts[0].thinking, parts.at(-1).done], ['Hello', 'Hm', true]);
  const whole = await ollama.generate(ask);
  assert.deepEqual([whole.response, whole.thinking, whole.done_reason], ['Hello', 'Hm', 'stop']);
  assert.deepEqual(gateway.simulator.requests[0].json.messages, [{ role: 'developer', content: 'Be brief.' }, { role: 'user', content: 'hello' }]);
});

test('thinking is asked for, and streams beside the text', async () => {
  gateway.simulator.script(gemini.streamed({ thinking: ['Hm', '.'], text: ['Hello'] }));
  const parts = await collect(await ollama.chat({ model: `gemini/${gemini.MODEL}`, messages: HELLO, think: true, stream: true }));
  assert.equal(parts.map(({ message }) => message.thinking ?? '').join(''), 'Hm.');
  assert.equal(gateway.simulator.requests[0].json.generationConfig.thinkingConfig.includeThoughts, true);
});

test('a schema is kept to', async () => {
  const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
  gateway.simulator.script(openai.streamed({ text: ['{"name":', '"Oslo"}'] }));
  const { message } = await ollama.chat({ model: MODEL, messages: HELLO, format: schema });
  assert.deepEqual(JSON.parse(message.content), { name: 'Oslo' });
  const { type, json_schema: sent } = gateway.simulator.requests[0].json.response_format;
  assert.deepEqual([type, sent.schema], ['json_schema', schema]);
});

test('pictures are known by their bytes', async () => {
  gateway.simulator.script(openai.streamed({ text: ['fine'] }));
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUg==', 'base64');
  await ollama.chat({ model: MODEL, messages: [{ role: 'user', content: 'see', images: [png] }] });
  await ollama.generate({ model: MODEL, prompt: 'see', images: [png.toString('base64')] });
  for (const { json } of gateway.simulator.requests) {
    assert.equal(json.messages[0].content[1].image_url.url, 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==');
  }
});

// --- two turns ---------------------------------------------------------------------------------

test('a second turn gives the provider its signature back, kept from a stream or from a message', async () => {
  const client = surface.connect(gateway.worker);
  for (const stream of [true, false]) {
    gateway.simulator.clear();
    gateway.simulator.script(gemini.streamed({ thinking: ['Hm'], signature: SIGNATURE, toolCalls: [{ name: 'look', args: { x: 1 } }, { name: 'look', args: { x: 2 } }] }), gemini.streamed({ text: ['Sun.'] }));
    const ask = { model: `gemini/${gemini.MODEL}`, thinking: true, tools: [LOOK.function] };
    const first = await surface.ask(client, { ...ask, turns: [{ user: 'look' }] }, { stream });
    assert.deepEqual(first.calls.map((call) => call.arguments), [{ x: 1 }, { x: 2 }]);
    const results = first.calls.map(({ id, name }, at) => ({ id, name, text: `seen ${at}` }));
    const second = await surface.ask(client, { ...ask, turns: [{ user: 'look' }, { assistant: first.turn }, { results }] }, { stream });
    assert.deepEqual([second.text, second.finish, second.usage], ['Sun.', 'stop', { input: 9, output: 12 }]);
    const [, model, user] = gateway.simulator.requests[1].json.contents;
    assert.equal(model.parts[0].thoughtSignature, SIGNATURE);
    const ids = model.parts.map((/** @type {any} */ part) => part.functionCall.id);
    assert.deepEqual(user.parts.map((/** @type {any} */ { functionResponse: told }) => [told.id, told.response]), [[ids[0], { output: 'seen 0' }], [ids[1], { output: 'seen 1' }]]);
  }
});

test('a client that keeps nothing but names and arguments has its second turn all the same', async () => {
  gateway.simulator.script(openai.streamed({ text: ['fine'] }));
  const call = (/** @type {string} */ name) => ({ function: { name, arguments: {} } });
  const result = (/** @type {string} */ name) => ({ role: 'tool', tool_name: name, content: `of ${name}` });
  await ollama.chat({
    model: MODEL, tools: [LOOK], messages: [...HELLO, { role: 'assistant', content: '', tool_calls: [call('look'), call('hear')] }, result('hear'), result('look')],
  });
  const [, assistant, ...results] = gateway.simulator.requests[0].json.messages;
  const ids = assistant.tool_calls.map((/** @type {any} */ one) => one.id);
  assert.equal(new Set(ids).size, 2);
  assert.deepEqual(results.map((/** @type {any} */ { tool_call_id: id, content }) => [id, content]), [[ids[1], 'of hear'], [ids[0], 'of look']]);
});

// --- failures ----------------------------------------------------------------------------------

test('failures before the answer have the vendor\'s statuses and form', async () => {
  const client = surface.connect(gateway.worker);
  const ask = { model: MODEL, turns: [{ user: 'hello' }] };
  for (const [scripted, status] of /** @type {const} */ ([[400, 400], [401, 401], [403, 403], [404, 404], [429, 429], [503, 503]])) {
    gateway.simulator.script(openai.failed(status, { message: `simulated ${scripted}` }));
    for (const stream of [true, false]) {
      const raised = await surface.raises(client, ask, { stream });
      assert.deepEqual([raised.name, raised.status], ['ResponseError', status]);
      assert.equal(typeof raised.message, 'string');
    }
  }
  assert.deepEqual(await surface.raises(client, { ...ask, model: 'nobody-knows' }), {
    name: 'ResponseError', message: 'no provider is known for the model nobody-knows; name it as provider/model', status: 404,
  });
  const { status, json } = await post(gateway.worker, '/api/chat', { model: MODEL, messages: [{ role: 'poet' }] });
  assert.deepEqual([status, json], [400, { error: 'messages[0].role must be one of system, user, assistant, tool' }]);
});

test('a failure in the middle, and an answer that breaks off, are raised', async () => {
  const begun = openai.frames({ text: ['Hel', 'lo'] }).slice(0, 2);
  const broken = openai.frame({ error: { message: 'the engine failed', type: 'server_error' } });
  for (const [last, words] of /** @type {const} */ ([[broken, /the engine failed/], [hangUp(), /broke/]])) {
    gateway.simulator.script(openai.streamOf([...begun, last]));
    /** @type {string[]} */
    const seen = [];
    await assert.rejects(async () => {
      for await (const { message } of await ollama.chat({ model: MODEL, messages: HELLO, stream: true })) seen.push(message.content);
    }, words);
    assert.deepEqual(seen, ['Hel']);
  }
  const { text } = await post(gateway.worker, '/api/chat', { model: MODEL, messages: HELLO });
  assert.deepEqual(Object.keys(readLines(text).at(-1)), ['error']);
});

test('abort() reaches the provider', async () => {
  // Without heartbeats it is the next write that tells the local runtime of a client who closed in good order.
  gateway.simulator.script(openai.streamOf([...openai.frames({ text: ['Hel'] }).slice(0, 2), flow(async function* () {
    for (;;) {
      await delay(20);
      yield openai.delta({ content: 'lo' });
    }
  })]));
  await assert.rejects(async () => {
    for await (const { message } of await ollama.chat({ model: MODEL, messages: HELLO, stream: true })) {
      assert.equal(message.content, 'Hel');
      ollama.abort();
    }
  }, { name: 'AbortError' });
  await gateway.simulator.waitFor(([request]) => request.outcome === 'aborted');
});

test('addresses that are Ollama\'s complain in its form', async () => {
  await assert.rejects(ollama.show({ model: MODEL }), { name: 'ResponseError', error: 'there is no such route', status_code: 404 });
  await assert.rejects(ollama.embed({ model: MODEL, input: 'a' }), { status_code: 404 });
  assert.deepEqual((await get(gateway.worker, '/api/chat')).json, { error: 'GET is not for this route: use POST' });
  const plain = await exchange(gateway.worker, '/api/generate', { headers: { 'content-type': 'text/plain' }, body: '{}' });
  assert.deepEqual([plain.status, plain.json], [415, { error: 'the content-type must be application/json' }]);
});

// --- what else there is ------------------------------------------------------------------------

test('list() names the models of providers that are ready, and the aliases', async () => {
  const { models } = await ollama.list();
  const names = models.map(({ name }) => name);
  assert.ok(names.includes(MODEL) && names.includes('smart') && names.includes('together/simulated/llama'), String(names));
  assert.ok(!names.includes('keyless/k'));
  assert.equal(new Set(names).size, names.length);
  for (const { name, model, modified_at: modified, size, digest, details } of models) {
    assert.deepEqual([model, size, digest, details.families], [name, 0, '', null]);
    assert.ok(!Number.isNaN(Date.parse(String(modified))));
  }
  assert.match((await ollama.version()).version, /^\d+\.\d+\.\d+$/);
});

test('a model is loaded where there is nothing to load', async () => {
  const loaded = await ollama.chat({ model: MODEL, messages: [] });
  assert.deepEqual([loaded.message, loaded.done, loaded.done_reason], [{ role: 'assistant', content: '' }, true, 'load']);
  const [unloaded] = await collect(await ollama.generate({ model: MODEL, prompt: '', keep_alive: 0, stream: true }));
  assert.deepEqual([unloaded.response, unloaded.done_reason], ['', 'unload']);
  assert.equal(gateway.simulator.requests.length, 0);
  await assert.rejects(ollama.chat({ model: 'nobody-knows' }), { status_code: 404 });
  await assert.rejects(ollama.chat({ model: 'keyless/k' }), { status_code: 401 });
});

// --- its own kind behind -----------------------------------------------------------------------

test('a server of Ollama gets the client\'s own words, and its lines arrive as they are', async () => {
  const lines = native.lines({ thinking: ['Hm'], text: ['Hello'] }).map((line) => line.replace('"done":', '"unheard_of": [1,  null],"done":'));
  gateway.simulator.script(native.streamOf(lines));
  const ask = { messages: HELLO, options: { num_ctx: 9, mirostat: 2 }, keep_alive: '5m', logprobs: true, unheard_of: { a: [null] } };
  const { text } = await post(gateway.worker, '/api/chat', { model: `ollama/${native.MODEL}`, ...ask });
  assert.equal(text, lines.join(''));
  const [{ path, json }] = gateway.simulator.requests;
  assert.deepEqual([path, json], ['/api/chat', { model: native.MODEL, ...ask }]);
});

test('whole answers, prompts and loading are given on as well', async () => {
  const body = { model: native.MODEL, created_at: '2026-08-17T08:22:52.061545Z', response: 'Hello', done: true, done_reason: 'stop', context: [1, 2], total_duration: 5, eval_count: 3 };
  gateway.simulator.script(native.whole(body));
  const ask = { model: `ollama/${native.MODEL}`, prompt: 'hello', raw: true, context: [7], suffix: '!', stream: false };
  assert.deepEqual((await post(gateway.worker, '/api/generate', ask)).json, body);
  assert.deepEqual([gateway.simulator.requests[0].path, gateway.simulator.requests[0].json], ['/api/generate', { ...ask, model: native.MODEL }]);
  const { response, ...rest } = body;
  const loaded = { ...rest, message: { role: 'assistant', content: response }, done_reason: 'load' };
  gateway.simulator.script(native.whole(loaded));
  assert.deepEqual(await ollama.chat({ model: `ollama/${native.MODEL}` }), loaded);
  assert.deepEqual(await collect(await ollama.chat({ model: `ollama/${native.MODEL}`, stream: true })), [loaded]);
  assert.equal(gateway.simulator.requests[1].path, '/api/chat');
});

test('its failures are raised, before and in the answer', async () => {
  const ask = { model: `ollama/${native.MODEL}`, messages: HELLO };
  gateway.simulator.script(native.failed(404, 'model \'nothing\' not found'));
  await assert.rejects(ollama.chat(ask), { name: 'ResponseError', error: 'model \'nothing\' not found', status_code: 404 });
  const begun = native.lines({ text: ['Hel'] }).slice(0, 1);
  gateway.simulator.script(native.streamOf([...begun, '{"error":"the model runner has stopped"}\n']), native.streamOf([...begun, hangUp()]));
  for (const words of [/the model runner has stopped/, /broke/]) {
    await assert.rejects(async () => collect(await ollama.chat({ ...ask, stream: true })), words);
  }
});

// --- Python ------------------------------------------------------------------------------------

const PYTHON = process.env.PYTHON ?? 'python3';
const missing = spawnSync(PYTHON, ['-c', 'import ollama']).status !== 0;

test('the Python package', { skip: missing && `${PYTHON} has no package ollama` }, async () => {
  gateway.simulator.script(
    openai.streamed({ reasoning: ['Hm'], text: ['Hel', 'lo'] }),
    openai.streamed({ text: ['Hello'] }),
    openai.streamed({ text: ['Hello'] }),
    openai.streamed({ toolCalls: [{ id: 'a', name: 'look', arguments: '{"x":1}' }, { id: 'b', name: 'look', arguments: 'oops' }] }),
    openai.streamed({ text: ['Sun.'] }),
    openai.streamOf([...openai.frames({ text: ['Hel', 'lo'] }).slice(0, 2), hangUp()]),
    openai.failed(400, { message: 'odd' }),
  );
  const script = fileURLToPath(new URL('python/ollama_smoke.py', import.meta.url));
  const child = spawn(PYTHON, [script], {
    env: { ...process.env, GATEWAY_URL: gateway.worker.url, GATEWAY_HEADERS: JSON.stringify(gateway.worker.headers), GATEWAY_MODEL: MODEL },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (piece) => { printed += piece; });
  assert.equal((await once(child, 'close'))[0], 0);
  const seen = JSON.parse(printed);
  assert.deepEqual(seen.stream, { content: 'Hello', thinking: 'Hm', done_reason: 'stop', counts: [9, 12] });
  assert.deepEqual([seen.whole, seen.generate], ['Hello', 'Hello']);
  assert.deepEqual(seen.calls, [['look', { x: 1 }], ['look', { raw_arguments: 'oops' }]]);
  assert.equal(seen.second, 'Sun.');
  const [, , assistant, ...results] = gateway.simulator.requests[4].json.messages;
  assert.deepEqual(results.map((/** @type {any} */ one) => one.tool_call_id), assistant.tool_calls.map((/** @type {any} */ one) => one.id));
  assert.deepEqual(seen.broken, ['Hel', 'ResponseError']);
  assert.deepEqual([seen.refused.status, seen.refused.error], [400, 'odd']);
  assert.ok(seen.models.includes(MODEL));
});
