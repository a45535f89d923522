// @ts-check
/** What a provider is asked: the request that leaves the gateway, and nothing else. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { CHAT, get, post, stream } from './client.mjs';
import { CALLER_KEY, OPENAI_KEY, TOGETHER_KEY, TOGETHER_MODEL, startGateway } from './gateway.mjs';

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(openai.answering({ text: 'hello' }));
});

const MESSAGES = [{ role: 'user', content: 'hello' }];
/** A model that takes every option. */
const OPEN_MODEL = 'gpt-4o';

/** Streams a request to a provider and gives back what that one received. @param {object} request @param {Record<string, string>} [headers] */
async function asked(request, headers) {
  const { warnings } = await stream(gateway.worker, { messages: MESSAGES, provider: 'openai', model: OPEN_MODEL, ...request }, headers);
  assert.equal(gateway.simulator.requests.length, 1);
  return { ...gateway.simulator.requests[0], warnings };
}

test('a plain request asks for a stream with usage, and for nothing that the caller did not', async () => {
  const { method, path, json } = await asked({});
  assert.deepEqual([method, path], ['POST', '/v1/chat/completions']);
  assert.deepEqual(json, { model: OPEN_MODEL, messages: MESSAGES, stream: true, stream_options: { include_usage: true } });
});

test('the provider is called with its own key, for JSON, and without compression', async () => {
  const { headers } = await asked({});
  assert.equal(headers.authorization, `Bearer ${OPENAI_KEY}`);
  assert.match(String(headers['content-type']), /^application\/json/);
  assert.equal(headers['accept-encoding'], 'identity');
});

test('none of the client\'s headers reach the provider', async () => {
  const { headers } = await asked({}, {
    authorization: 'Bearer of-the-client',
    cookie: 'session=of-the-client',
    'accept-language': 'nb',
    'x-forwarded-for': '203.0.113.7',
    'x-api-key': 'of-the-client',
    'openai-organization': 'of-the-client',
    'x-anything': 'of-the-client',
    referer: 'http://127.0.0.1/of-the-client',
    'user-agent': 'of-the-client',
  });
  assert.doesNotMatch(JSON.stringify(headers), /of-the-client|203\.0\.113\.7|"nb"/);
  // `cf-worker` and the connection's own headers are the runtime's, not ours.
  const known = ['host', 'connection', 'content-length', 'transfer-encoding', 'cf-worker', 'cf-connecting-ip', 'authorization',
    'content-type', 'accept', 'accept-encoding', 'user-agent', 'traceparent', 'x-request-id'];
  assert.deepEqual(Object.keys(headers).filter((name) => !known.includes(name)), []);
});

test('a compressed answer is not asked for and so not sent', async () => {
  gateway.simulator.script({ ...openai.streamed({ text: ['Hel', 'lo'] }), gzip: true });
  const { content } = await stream(gateway.worker, { messages: MESSAGES, provider: 'openai' });
  assert.equal(content, 'Hello');
});

test('every option that the caller gives is passed on in the provider\'s words', async () => {
  const tools = [{ type: 'function', function: { name: 'look', description: 'Looks.', parameters: { type: 'object', properties: { at: { type: 'string' } } }, strict: true } }];
  const response_format = { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' }, strict: true } };
  const { json } = await asked({
    temperature: 0, top_p: 0.5, max_tokens: 77, stop: ['END', 'STOP'], seed: 42, tools, response_format,
    tool_choice: { type: 'function', function: { name: 'look' } },
  });
  const { max_tokens: older, max_completion_tokens: newer, ...rest } = json;
  assert.deepEqual([older, newer].filter((limit) => limit !== undefined), [77], 'the limit goes by one name');
  assert.deepEqual(rest, {
    model: OPEN_MODEL, messages: MESSAGES, stream: true, stream_options: { include_usage: true },
    temperature: 0, top_p: 0.5, stop: ['END', 'STOP'], seed: 42, tools, response_format,
    tool_choice: { type: 'function', function: { name: 'look' } },
  });
});

test('one stop sequence may be a plain string', async () => {
  const { json } = await asked({ stop: 'END' });
  assert.deepEqual([json.stop].flat(), ['END']);
});

test('a temperature that the model refuses is left out', async () => {
  const { json, warnings } = await asked({ model: 'o3', temperature: 0.4 });
  assert.equal('temperature' in json, false);
  assert.match(warnings.join(), /temperature/);
});

test('thinking asks for reasoning effort', async () => {
  const { json } = await asked({ model: 'gpt-5.4-mini', thinking: { enabled: true, effort: 'low' } });
  assert.equal(json.reasoning_effort, 'low');
});

test('system and developer messages reach the provider in the same role', async () => {
  const { json } = await asked({ messages: [{ role: 'system', content: 'Be kind.' }, { role: 'developer', content: 'Be brief.' }, ...MESSAGES] });
  const roles = json.messages.map((/** @type {any} */ message) => message.role);
  assert.equal(roles[0], roles[1]);
  assert.ok(['system', 'developer'].includes(roles[0]), roles[0]);
  assert.deepEqual(json.messages.map((/** @type {any} */ message) => message.content), ['Be kind.', 'Be brief.', 'hello']);
});

test('a conversation with tool calls and results is passed on as it was', async () => {
  const messages = [
    ...MESSAGES,
    { role: 'assistant', content: 'I look.', tool_calls: [{ id: 'call_a', type: 'function', function: { name: 'look', arguments: '{"at":"Oslo"}' } }] },
    { role: 'tool', tool_call_id: 'call_a', content: 'Rain.' },
  ];
  const { json } = await asked({ messages });
  assert.deepEqual(json.messages, messages);
});

test('an assistant message may have tool calls and no content', async () => {
  const call = { id: 'call_a', type: 'function', function: { name: 'look', arguments: '{}' } };
  const { json } = await asked({ messages: [...MESSAGES, { role: 'assistant', content: null, tool_calls: [call] }, { role: 'tool', tool_call_id: 'call_a', content: 'Rain.' }] });
  assert.deepEqual(json.messages[1].tool_calls, [call]);
  assert.ok([null, undefined, ''].includes(json.messages[1].content));
});

test('pictures are passed on, by address and by value', async () => {
  const content = [
    { type: 'text', text: 'What is this?' },
    { type: 'image_url', image_url: { url: 'https://pictures.example/cat.png' } },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
  ];
  const { json } = await asked({ messages: [{ role: 'user', content }] });
  assert.deepEqual(json.messages[0].content, content);
});

test('pictures in the unified form reach the provider in its own', async () => {
  const content = [{ type: 'image', url: 'https://pictures.example/cat.png' }, { type: 'image', media_type: 'image/png', data: 'iVBORw0KGgo=' }];
  const { json } = await asked({ messages: [{ role: 'user', content }] });
  assert.deepEqual(json.messages[0].content, [
    { type: 'image_url', image_url: { url: 'https://pictures.example/cat.png' } },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
  ]);
});

test('a caller\'s own key takes the place of the configured one', async () => {
  const { headers } = await asked({}, { 'x-provider-key': CALLER_KEY });
  assert.equal(headers.authorization, `Bearer ${CALLER_KEY}`);
  assert.equal(headers['x-provider-key'], undefined);
});

test('without a model the provider\'s default is asked for', async () => {
  const { json } = await asked({ model: undefined });
  const { json: listed } = await get(gateway.worker, '/api/v1/providers');
  assert.equal(json.model, listed.providers.find((/** @type {any} */ one) => one.name === 'openai').default_model);
});

test('together is asked at its own address, with its own key and tracing headers', async () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const { path, headers, json } = await asked({ provider: 'together', model: TOGETHER_MODEL }, { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
  assert.equal(path, '/together/v1/chat/completions');
  assert.equal(headers.authorization, `Bearer ${TOGETHER_KEY}`);
  assert.equal(json.model, TOGETHER_MODEL);
  assert.match(String(headers.traceparent), new RegExp(`^00-${trace}-[0-9a-f]{16}-[0-9a-f]{2}$`));
  assert.ok(headers['x-request-id']);
});

test('the answer can be asked for whole, with the same request', async () => {
  const { status, json } = await post(gateway.worker, CHAT, { messages: MESSAGES, provider: 'openai', model: OPEN_MODEL, temperature: 1 });
  assert.deepEqual([status, json.content], [200, 'hello']);
  // Whether the gateway streams or not behind a whole answer is its own affair.
  const { stream: _stream, stream_options: _options, ...sent } = gateway.simulator.requests[0].json;
  assert.deepEqual(sent, { model: OPEN_MODEL, messages: MESSAGES, temperature: 1 });
});
