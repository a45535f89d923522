// @ts-check
/** Gemini's surface, over HTTP to the letter and through the vendor's own SDK. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ApiError } from '@google/genai';
import * as gemini from '../simulator/formats/gemini.mjs';
import * as ollama from '../simulator/formats/ollama.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { flow, hangUp, silence } from '../simulator/wire.mjs';
import { exchange, post } from './client.mjs';
import { GEMINI_KEY, startGateway } from './gateway.mjs';
import { surface } from './surfaces/gemini.mjs';

const OPENAI = `openai/${openai.MODEL}`;
const GEMINI = `gemini/${gemini.MODEL}`;
const ASK = { contents: [{ role: 'user', parts: [{ text: 'hello' }] }] };
const CALL = { id: 'call_a', name: 'look', arguments: ['{"x":', '1}'] };
const LOOK = { name: 'look', description: 'looks', parameters: { type: 'object', properties: { x: { type: 'number' } } } };
const KEY = 'AIza-in-the-address-must-never-be-shown';

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
/** @type {import('@google/genai').GoogleGenAI} */
let client;
before(async () => {
  gateway = await startGateway((url) => ({
    IDLE_TIMEOUT_SECONDS: '1',
    PROVIDERS: JSON.stringify([{ name: 'details', base_url: `${url}/v1`, models: ['m'], quirks: { replay: 'reasoning_details' } }]),
  }));
  client = surface.connect(gateway.worker);
});
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

const address = (/** @type {string} */ model, method = 'streamGenerateContent?alt=sse', version = 'v1beta') => `/${version}/models/${model}:${method}`;
const asked = () => gateway.simulator.requests.map(({ json }) => json);
/** The payloads of a stream of events. @param {string} text @returns {any[]} */
const events = (text) => text.split('\r\n\r\n').filter((event) => event.startsWith('data: ')).map((event) => JSON.parse(event.slice('data: '.length)));

describe('over HTTP', () => {
  const said = { text: ['one ', 'two 🌊'], reasoning: ['hm'] };

  test('a stream is events with CRLF, the last with finish and usage, and nothing behind it', async () => {
    gateway.simulator.script(openai.streamed(said));
    const { status, headers, text } = await post(gateway.worker, address(OPENAI), ASK);
    assert.deepEqual([status, headers['content-type']], [200, 'text/event-stream; charset=utf-8']);
    assert.match(text, /^(data: \{[^\r\n]*\}\r\n\r\n){3}$/);
    const [first, second, last] = events(text);
    assert.deepEqual([first, second].map(({ candidates }) => candidates), ['one ', 'two 🌊'].map((piece) => [{ content: { parts: [{ text: piece }], role: 'model' }, index: 0 }]));
    assert.deepEqual(last.candidates, [{ content: { parts: [{ text: '' }], role: 'model' }, finishReason: 'STOP', index: 0 }]);
    assert.deepEqual(last.usageMetadata, { promptTokenCount: 9, candidatesTokenCount: 7, totalTokenCount: 21, thoughtsTokenCount: 5, cachedContentTokenCount: 4 });
    assert.ok([first, second, last].every(({ modelVersion, responseId }) => modelVersion === openai.MODEL && responseId === headers['x-run-id']));
    assert.equal(first.usageMetadata, undefined);
  });

  test('without alt=sse it is one array, whole or failed', async () => {
    gateway.simulator.script(openai.streamed(said), openai.streamOf(openai.frames(said).slice(0, -3)), openai.failed(400));
    const fine = await post(gateway.worker, address(OPENAI, 'streamGenerateContent'), ASK);
    assert.equal(fine.headers['content-type'], 'application/json; charset=utf-8');
    assert.match(fine.text, /^\[\{.*\}\n,\r\n\{.*\}\n,\r\n\{.*\}\n\]$/);
    assert.deepEqual([fine.json.length, fine.json[2].candidates[0].finishReason], [3, 'STOP']);
    const broken = await post(gateway.worker, address(OPENAI, 'streamGenerateContent'), ASK);
    assert.deepEqual(broken.json.pop().error.status, 'INTERNAL');
    assert.ok(!broken.text.includes('finishReason'));
    const failed = await post(gateway.worker, address(OPENAI, 'streamGenerateContent'), ASK);
    assert.deepEqual([failed.status, failed.json[0].error.status], [400, 'INVALID_ARGUMENT']);
  });

  test('a model has slashes and colons, encoded or not, in every version of the API', async () => {
    gateway.simulator.script(ollama.streamed({ text: ['fine'] }));
    for (const version of ['v1', 'v1beta', 'v1alpha']) {
      for (const model of [`ollama/${ollama.MODEL}`, encodeURIComponent(`ollama/${ollama.MODEL}`)]) {
        const { json } = await post(gateway.worker, address(model, 'generateContent', version), ASK);
        assert.equal(json.candidates[0].content.parts[0].text, 'fine');
      }
    }
    assert.ok(asked().every(({ model }) => model === ollama.MODEL));
  });

  test('what is not there is told in the vendor\'s words', async () => {
    for (const path of [address(OPENAI, 'dream'), '/v1beta/cachedContents', '/v1beta/models/%ff:generateContent']) {
      const { status, json } = await post(gateway.worker, path, ASK);
      assert.deepEqual([status, json.error.code, json.error.status], [404, 404, 'NOT_FOUND'], path);
    }
    const wrong = await exchange(gateway.worker, address(OPENAI), { method: 'GET' });
    assert.deepEqual([wrong.status, wrong.headers.allow, wrong.json.error.status], [405, 'POST', 'UNIMPLEMENTED']);
    assert.equal((await post(gateway.worker, '/v1/models/x:dream', ASK)).json.error.type, 'invalid_request_error', 'but not what is another vendor\'s');
  });

  test('a wrong request and a provider in trouble have the vendor\'s statuses and details', async () => {
    const wrong = await post(gateway.worker, address(OPENAI), { contents: [] });
    assert.deepEqual([wrong.status, wrong.json.error.status], [400, 'INVALID_ARGUMENT']);
    const detail = (/** @type {any} */ { json }, /** @type {string} */ name) => json.error.details.find((/** @type {any} */ one) => one['@type'].endsWith(name));
    assert.equal(detail(wrong, 'BadRequest').fieldViolations[0].field, 'contents');
    assert.equal(detail(wrong, 'RequestInfo').requestId, wrong.headers['x-request-id']);
    gateway.simulator.script(openai.failed(429, {}, { 'retry-after': '3600' }));
    const limited = await post(gateway.worker, address(OPENAI), ASK);
    assert.deepEqual([limited.status, limited.json.error.status, detail(limited, 'RetryInfo').retryDelay, limited.headers['retry-after']], [429, 'RESOURCE_EXHAUSTED', '3600s', '3600']);
    const search = await post(gateway.worker, address(OPENAI), { ...ASK, tools: [{ googleSearch: {} }] });
    assert.match(search.json.error.message, /tools\[0\]\.googleSearch cannot be said to openai/);
  });

  test('a key in the address is taken, and told to nobody', async () => {
    gateway.simulator.script(openai.streamed(said), openai.streamOf(openai.frames(said).slice(0, 2)), openai.failed(500));
    const paths = [address(OPENAI), address(OPENAI), address(OPENAI), address(OPENAI, 'dream?a=b'), address('nobody/m')];
    const answers = [];
    for (const path of paths) answers.push(await post(gateway.worker, `${path}&key=${KEY}`, ASK));
    assert.equal(answers[0].status, 200);
    await gateway.worker.waitForLog('"event":"run"');
    const told = [gateway.worker.logs(), answers.map(({ text, headers }) => text + JSON.stringify(headers)), gateway.simulator.requests.map((one) => JSON.stringify(one))].flat();
    assert.ok(told.every((text) => !text.includes(KEY)));
  });

  test('a warning rides on the first part', async () => {
    gateway.simulator.script(openai.streamed(said));
    const { text } = await post(gateway.worker, address(OPENAI), { ...ASK, safetySettings: [{}] });
    const [first, ...others] = events(text);
    assert.match(first.warnings.join(), /safetySettings was left out/);
    assert.ok(others.every(({ warnings }) => warnings === undefined));
  });
});

describe('with the vendor behind', () => {
  test('both sides get each other\'s own words', async () => {
    const odd = gemini.frame({ candidates: [{ content: { parts: [{ executableCode: { code: '1' } }], role: 'model' }, index: 0, unheardOf: [null] }], responseId: 'theirs' });
    gateway.simulator.script(gemini.streamOf([odd, ...gemini.frames({ text: ['fine'] })]));
    const body = { ...ASK, generation_config: { topK: 3 }, tools: [{ googleSearch: {} }], unheard_of: { a: [1] } };
    const { text } = await post(gateway.worker, address(GEMINI), body);
    assert.equal(text, [odd, ...gemini.frames({ text: ['fine'] })].join(''));
    assert.deepEqual(asked(), [{ ...ASK, generationConfig: { topK: 3 }, tools: [{ googleSearch: {} }], unheard_of: { a: [1] } }]);
    assert.equal(gateway.simulator.requests[0].headers['x-goog-api-key'], GEMINI_KEY);
  });

  test('a whole answer is asked for whole, and given on as it is', async () => {
    const reply = gemini.whole({ text: ['fine'], signature: 'c2ln' });
    gateway.simulator.script(reply);
    const { text } = await post(gateway.worker, address(GEMINI, 'generateContent'), ASK);
    assert.equal(text, reply.steps?.[0]);
    assert.match(gateway.simulator.requests[0].path, /:generateContent$/);
  });

  test('its signatures come back with the SDK\'s chat, streamed or whole', async () => {
    for (const streamed of [true, false]) {
      gateway.simulator.clear();
      gateway.simulator.script(gemini.answering({ thinking: ['Hm'], text: ['Let me see.'], toolCalls: [{ id: 'a', name: 'look', args: { x: 1 } }], signature: 'c2ln' }), gemini.answering({ text: ['fine'] }));
      const chat = client.chats.create({ model: GEMINI, config: { tools: [{ functionDeclarations: [{ name: 'look' }] }] } });
      const say = async (/** @type {any} */ message) => {
        if (!streamed) return void await chat.sendMessage({ message });
        for await (const chunk of await chat.sendMessageStream({ message })) assert.ok(chunk.candidates);
      };
      await say('hello');
      await say([{ functionResponse: { id: 'a', name: 'look', response: { output: 'seen' } } }]);
      const parts = asked()[1].contents.filter((/** @type {any} */ { role }) => role === 'model').flatMap((/** @type {any} */ content) => content.parts);
      assert.deepEqual(parts.find((/** @type {any} */ part) => part.functionCall), { functionCall: { id: 'a', name: 'look', args: { x: 1 } }, thoughtSignature: 'c2ln' });
    }
  });

  test('its own last word is given on, and its silence about it is a failure', async () => {
    const malformed = gemini.response([], { finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: 'look(' });
    const begun = gemini.frames({ text: ['one'] })[0];
    gateway.simulator.script(gemini.streamOf([begun, malformed]), gemini.streamOf([begun]), gemini.streamOf([begun, gemini.failure(503, 'UNAVAILABLE', 'overloaded')]));
    const turns = [{ user: 'hello' }];
    assert.equal((await surface.ask(client, { model: GEMINI, turns }, { stream: true })).finish, 'MALFORMED_FUNCTION_CALL');
    assert.deepEqual((await surface.raises(client, { model: GEMINI, turns })).status, 500);
    assert.deepEqual((await surface.raises(client, { model: GEMINI, turns })).status, 503);
  });
});

describe('the SDK', () => {
  const turns = [{ user: 'hello' }];

  test('reads text, thoughts and usage, streamed and whole', async () => {
    gateway.simulator.script(openai.streamed({ text: ['Hel', 'lo'], reasoning: ['hm'] }));
    for (const stream of [true, false]) {
      const { text, reasoning, finish, usage } = await surface.ask(client, { model: OPENAI, turns, thinking: true }, { stream });
      assert.deepEqual({ text, reasoning, finish, usage }, { text: 'Hello', reasoning: 'hm', finish: 'STOP', usage: { input: 9, output: 12 } });
    }
    assert.equal((await surface.ask(client, { model: OPENAI, turns }, { stream: true })).reasoning, '', 'thoughts are for who asks');
  });

  test('keeps a chat in which another provider\'s state comes back to it', async () => {
    const details = [{ type: 'reasoning.encrypted', data: 'sealed', index: 0 }];
    const [role, ...rest] = openai.frames({ text: ['Let me see.'], toolCalls: [CALL] });
    gateway.simulator.script(openai.streamOf([role, openai.delta({ reasoning_details: details }), ...rest]), openai.streamed({ text: ['fine'] }));
    const chat = client.chats.create({ model: 'details/m', config: { tools: [{ functionDeclarations: [{ name: 'look', parametersJsonSchema: LOOK.parameters }] }] } });
    const calls = [];
    for await (const { functionCalls } of await chat.sendMessageStream({ message: 'hello' })) calls.push(...functionCalls ?? []);
    assert.deepEqual(calls, [{ id: 'call_a', name: 'look', args: { x: 1 } }]);
    const { text } = await chat.sendMessage({ message: [{ functionResponse: { id: 'call_a', name: 'look', response: { output: 'seen' } } }] });
    assert.equal(text, 'fine');
    const [user, assistant, tool] = asked()[1].messages;
    assert.deepEqual([user.role, assistant.content, assistant.reasoning_details, tool], ['user', 'Let me see.', details, { role: 'tool', tool_call_id: 'call_a', content: 'seen' }]);
    assert.deepEqual(assistant.tool_calls, [{ id: 'call_a', type: 'function', function: { name: 'look', arguments: '{"x":1}' } }]);
    assert.equal(chat.getHistory(true).length, 7, 'and no turn is missing');
  });

  test('calls functions by itself', async () => {
    for (const stream of [true, false]) {
      gateway.simulator.clear();
      gateway.simulator.script(openai.streamed({ toolCalls: [CALL] }), openai.streamed({ text: ['fine'] }));
      const tool = {
        tool: async () => ({ functionDeclarations: [{ name: 'look', parametersJsonSchema: LOOK.parameters }] }),
        callTool: async (/** @type {any[]} */ calls) => calls.map(({ id, name, args }) => ({ functionResponse: { id, name, response: { output: `seen ${args.x}` } } })),
      };
      const request = { model: OPENAI, contents: 'hello', config: { tools: [tool] } };
      let text = '';
      if (stream) for await (const chunk of await client.models.generateContentStream(request)) text += chunk.text ?? '';
      else text = (await client.models.generateContent(request)).text ?? '';
      assert.equal(text, 'fine');
      assert.deepEqual(asked()[1].messages.pop(), { role: 'tool', tool_call_id: 'call_a', content: 'seen 1' });
    }
  });

  test('asks for an answer by a schema, in either form', async () => {
    gateway.simulator.script(openai.streamed({ text: ['{"a":1}'] }));
    const schema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] };
    const { text } = await surface.ask(client, { model: OPENAI, turns, schema }, { stream: false });
    assert.deepEqual(JSON.parse(text), { a: 1 });
    // The SDK writes the types of this one in capital letters.
    await client.models.generateContent({ model: OPENAI, contents: 'hello', config: { responseMimeType: 'application/json', responseSchema: schema } });
    assert.deepEqual(asked().map(({ response_format }) => response_format.json_schema.schema), [schema, schema]);
  });

  test('raises an error before the answer with its status', async () => {
    gateway.simulator.script(openai.failed(401, { message: 'no', code: 'invalid_api_key' }));
    for (const stream of [true, false]) {
      assert.equal((await surface.raises(client, { model: 'nobody/m', turns }, { stream })).status, 404);
      const { name, status, message } = await surface.raises(client, { model: OPENAI, turns }, { stream });
      assert.deepEqual([name, status, JSON.parse(message).error.status], ['ApiError', 401, 'UNAUTHENTICATED']);
    }
  });

  test('raises what goes wrong in mid-answer, however it does', async () => {
    const begun = openai.frames({ text: ['one ', 'two'] }).slice(0, 3);
    const failing = openai.frame({ error: { message: 'overloaded', type: 'overloaded_error', code: 503 } });
    /** @type {[import('../simulator/wire.mjs').Step[], number][]} */
    const cases = [[[...begun, failing], 503], [begun, 500], [[...begun, hangUp()], 500], [[...begun, silence()], 504]];
    for (const [steps, status] of cases) {
      gateway.simulator.clear();
      gateway.simulator.script(openai.streamOf(steps));
      let text = '';
      await assert.rejects(async () => {
        for await (const chunk of await client.models.generateContentStream({ model: OPENAI, contents: 'hello' })) text += chunk.text ?? '';
      }, (error) => error instanceof ApiError && error.status === status);
      assert.equal(text, 'one two');
    }
  });

  test('hears of a refusal and of a filter by the finish reason', async () => {
    gateway.simulator.script(openai.streamed({ refusal: ['I will ', 'not.'] }), openai.streamed({ text: ['one'], finish: 'content_filter' }));
    const refused = await surface.ask(client, { model: OPENAI, turns }, { stream: true });
    assert.deepEqual([refused.finish, refused.refusal], ['SAFETY', 'I will not.']);
    const filtered = await surface.ask(client, { model: OPENAI, turns }, { stream: true });
    assert.deepEqual([filtered.finish, filtered.text], ['SAFETY', 'one']);
  });

  test('that aborts ends the request to the provider', async () => {
    const [role, text] = openai.frames({ text: ['one'] });
    // Without heartbeats it is the next write that finds nobody there.
    const words = flow(async function* () { for (;;) yield delay(20, text); });
    gateway.simulator.script(openai.streamOf([role, words]));
    const abort = new AbortController();
    await assert.rejects(async () => {
      const stream = await client.models.generateContentStream({ model: OPENAI, contents: 'hello', config: { abortSignal: abort.signal } });
      for await (const chunk of stream) abort.abort(chunk.text);
    }, { name: 'AbortError' });
    await gateway.simulator.waitFor(([one]) => one.outcome === 'aborted');
    await gateway.worker.waitForLog('"end":"cancelled"');
  });
});

test('Python\'s SDK reads, calls and raises the same', async (t) => {
  const run = promisify(execFile);
  const python = process.env.PYTHON ?? 'python3';
  const installed = await run(python, ['-c', 'import google.genai']).then(() => true, () => false);
  if (!installed) return t.skip(`${python} has no google-genai`);
  const begun = openai.streamOf(openai.frames({ text: ['one'] }).slice(0, 2));
  const call = { ...CALL, arguments: '{"place":"here"}' };
  gateway.simulator.script(openai.streamed({ text: ['fine'] }), openai.streamed({ reasoning: ['hm'], toolCalls: [call] }), openai.streamed({ text: ['done'] }), begun);
  const env = { ...process.env, BASE_URL: gateway.worker.url, HEADERS: JSON.stringify(gateway.worker.headers), MODEL: OPENAI, BROKEN_MODEL: OPENAI };
  const { stdout } = await run(python, [new URL('python/gemini_smoke.py', import.meta.url).pathname], { env });
  assert.deepEqual(JSON.parse(stdout), {
    whole: 'fine', finish: 'STOP', tokens: 21, streamed: 'done',
    turns: ['user', 'model', 'model', 'model', 'user', 'model', 'model'],
    broken: ['ServerError', 500, 'INTERNAL'], missing: ['ClientError', 404, 'NOT_FOUND'],
  });
  assert.equal(asked()[2].messages.pop().content, '{"result":"seen here"}');
});
