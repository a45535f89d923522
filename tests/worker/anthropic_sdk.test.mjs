// @ts-check
/** Anthropic's Messages towards its own SDKs, whatever provider is behind. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, beforeEach, describe, test } from 'node:test';
import { promisify } from 'node:util';
import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { jsonSchemaOutputFormat } from '@anthropic-ai/sdk/helpers/json-schema';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import * as gemini from '../simulator/formats/gemini.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import * as responses from '../simulator/formats/openai_responses.mjs';
import { pause, silence } from '../simulator/wire.mjs';
import { post } from './client.mjs';
import { ANTHROPIC_KEY, startGateway } from './gateway.mjs';
import { surface } from './surfaces/anthropic.mjs';

const GPT = `openai/${openai.MODEL}`;
const O_MODEL = `openai-responses/${responses.MODEL}`;
const G_MODEL = `gemini/${gemini.MODEL}`;
const CLAUDE = `anthropic/${anthropic.MODEL}`;
const MESSAGES = [{ role: /** @type {const} */ ('user'), content: 'hello' }];
const ASK = { model: GPT, max_tokens: 2048, messages: MESSAGES };
const LOOK = { name: 'look', description: 'Looks.', input_schema: { type: /** @type {const} */ ('object'), properties: { at: { type: 'string' } } } };
const TOOL_CALL = { id: 'call_a', name: 'look', arguments: ['{"at":', '"Oslo"}'] };

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
/** @type {Anthropic} */
let client;
before(async () => {
  gateway = await startGateway({ HEARTBEAT_SECONDS: '1', ROUTES: JSON.stringify({ either: [GPT, CLAUDE] }) });
  client = surface.connect(gateway.worker);
});
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

const requests = () => gateway.simulator.requests;
const script = (/** @type {import('../simulator/simulator.mjs').Scripted[]} */ ...replies) => gateway.simulator.script(...replies);
/** Frames as they come. @param {object} body */
async function raw(body) {
  const { status, headers, text } = await post(gateway.worker, '/v1/messages', { ...ASK, stream: true, ...body });
  assert.equal(status, 200, text);
  const frames = text.split('\n\n').slice(0, -1).map((frame) => {
    const [, name, data] = /^event: (.+)\ndata: (.+)$/.exec(frame) ?? assert.fail(`an odd frame: ${frame}`);
    return { name, data: JSON.parse(data) };
  });
  return { headers, frames };
}
/** @param {() => Promise<unknown>} work */
async function raised(work) {
  try {
    await work();
  } catch (error) {
    return /** @type {any} */ (error);
  }
  return assert.fail('the SDK raised nothing');
}

describe('a stream', () => {
  test('has the vendor\'s events, named by their types, in the vendor\'s order', async () => {
    script(openai.streamed({ reasoning: ['Hm', '.'], text: ['Hel', 'lo'], toolCalls: [TOOL_CALL, { id: 'call_b', name: 'look', arguments: '' }] }));
    const { headers, frames } = await raw({});
    assert.match(headers['content-type'] ?? '', /^text\/event-stream/);
    assert.ok(headers['request-id'] && headers['request-id'] === headers['x-request-id']);
    assert.ok(frames.every(({ name, data }) => data.type === name));
    const block = ['content_block_start', 'content_block_delta', 'content_block_delta', 'content_block_stop'];
    assert.deepEqual(frames.map(({ name }) => name), ['message_start', 'ping', ...block, ...block, ...block, 'content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop']);
    assert.deepEqual(frames.map(({ data }) => data.index).filter((index) => index !== undefined), [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]);
    const { id, usage, model } = frames[0].data.message;
    assert.match(id, /^msg_r_/);
    assert.deepEqual([model, usage.output_tokens, usage.input_tokens > 0], [openai.MODEL, 0, true]);
    assert.deepEqual(frames.at(-2)?.data.delta, { stop_reason: 'tool_use', stop_sequence: null, stop_details: null });
    assert.deepEqual(frames.at(-2)?.data.usage.output_tokens, openai.USAGE.completion_tokens);
  });

  test('says in a silence that it is alive, before its first event too', async () => {
    const [first, ...rest] = openai.frames({ text: ['Hello'] });
    script(openai.streamOf([pause(2500), first, ...rest]));
    const { frames } = await raw({});
    assert.equal(frames[0].name, 'ping');
    assert.equal(frames.filter(({ name }) => name === 'message_start').length, 1);
    const message = await client.messages.stream(ASK).finalMessage();
    assert.equal(message.content[0].type === 'text' && message.content[0].text, 'Hello');
  });

  test('is read by the SDK event by event, and by its helper', async () => {
    script(openai.streamed({ text: ['Hel', 'lo'], toolCalls: [TOOL_CALL] }));
    const types = [];
    for await (const event of await client.messages.create({ ...ASK, stream: true })) types.push(event.type);
    assert.deepEqual([types[0], types.at(-1)], ['message_start', 'message_stop']);
    /** @type {string[]} */
    const texts = [];
    /** @type {unknown[]} */
    const inputs = [];
    const stream = client.messages.stream(ASK).on('text', (text) => texts.push(text)).on('inputJson', (_, input) => inputs.push(input));
    const { content, stop_reason, usage } = await stream.finalMessage();
    assert.deepEqual([texts, inputs.at(-1), stop_reason], [['Hel', 'lo'], { at: 'Oslo' }, 'tool_use']);
    assert.deepEqual(content.map((/** @type {any} */ block) => block.text ?? [block.id, block.input, block.caller.type]), ['Hello', ['call_a', { at: 'Oslo' }, 'direct']]);
    assert.deepEqual([usage.output_tokens > 0, usage.cache_creation_input_tokens], [true, 0]);
    assert.ok(stream.request_id);
  });

  test('tells warnings where the SDK keeps them', async () => {
    script(openai.streamed({ text: ['Hello'] }));
    const message = /** @type {any} */ (await client.messages.stream({ ...ASK, top_k: 3 }).finalMessage());
    assert.deepEqual(message.warnings, ['top_k was left out: the provider has no such field']);
  });

  test('is aborted by its client, and the provider hears of it', async () => {
    script(openai.streamOf([...openai.frames({ text: ['Hel', 'lo'] }).slice(0, 2), silence()]));
    const stream = client.messages.stream(ASK);
    stream.on('text', () => stream.abort());
    assert.equal((await raised(() => stream.finalMessage())).constructor.name, 'APIUserAbortError');
    await gateway.simulator.waitFor(([request]) => request?.outcome === 'aborted');
  });
});

describe('a whole answer', () => {
  test('is a message', async () => {
    script(openai.answering({ reasoning: ['Hm.'], text: ['Hello'], toolCalls: [TOOL_CALL] }));
    const message = await client.messages.create({ ...ASK, tools: [LOOK], system: 'be kind' });
    assert.deepEqual([message.type, message.role, message.stop_reason, message.stop_sequence], ['message', 'assistant', 'tool_use', null]);
    assert.deepEqual(message.content.map(({ type }) => type), ['thinking', 'text', 'tool_use']);
    assert.ok(message._request_id);
    assert.equal(requests()[0].json.messages[0].content, 'be kind');
  });

  test('is parsed by the helper for structured outputs', async () => {
    script(openai.answering({ text: ['{"answer":', '4}'] }));
    const format = jsonSchemaOutputFormat(/** @type {const} */ ({ type: 'object', properties: { answer: { type: 'number' } }, required: ['answer'], additionalProperties: false }));
    const asked = { ...ASK, output_config: { format } };
    assert.deepEqual((await client.messages.parse(asked)).parsed_output, { answer: 4 });
    assert.deepEqual((await client.messages.stream(asked).finalMessage()).parsed_output, { answer: 4 });
    assert.equal(requests()[0].json.response_format.json_schema.schema.properties.answer.type, 'number');
  });

  test('that is refused, filtered or cut off says so', async () => {
    script(openai.streamed({ refusal: ['I ', 'will not.'] }));
    const refused = await client.messages.stream(ASK).finalMessage();
    assert.deepEqual([refused.stop_reason, refused.stop_details?.explanation, refused.content], ['refusal', 'I will not.', [{ type: 'text', text: 'I will not.' }]]);
    for (const [finish, reason] of [['content_filter', 'refusal'], ['length', 'max_tokens']]) {
      script(openai.streamed({ text: ['Hel'], finish }));
      assert.equal((await client.messages.stream(ASK).finalMessage()).stop_reason, reason);
      assert.equal((await client.messages.create(ASK)).stop_reason, reason);
    }
    script(gemini.blocked('SAFETY'));
    assert.equal((await client.messages.create({ ...ASK, model: G_MODEL })).stop_reason, 'refusal');
  });
});

/** It asks the vendor to keep the conversation, and is told that this provider does not. */
describe('the tool runner', () => {
  const look = () => betaTool({ name: 'look', description: 'Looks.', inputSchema: LOOK.input_schema, run: (/** @type {any} */ { at }) => `sunny in ${at}` });
  const ask = () => ({ ...ASK, tools: [look()], max_iterations: 3 });

  test('runs tools for models of another vendor', async () => {
    for (const stream of [false, true]) {
      gateway.simulator.clear();
      script(openai.streamed({ text: ['I look.'], toolCalls: [TOOL_CALL] }), openai.streamed({ text: ['It is ', 'sunny.'] }));
      const runner = client.beta.messages.toolRunner({ ...ask(), stream });
      const last = await runner.runUntilDone();
      assert.deepEqual(last.content.map((/** @type {any} */ block) => block.text), ['It is sunny.']);
      assert.deepEqual(requests()[1].json.messages.slice(1), [
        { role: 'assistant', content: 'I look.', tool_calls: [{ id: 'call_a', type: 'function', function: { name: 'look', arguments: '{"at":"Oslo"}' } }] },
        { role: 'tool', tool_call_id: 'call_a', content: 'sunny in Oslo' },
      ]);
    }
  });

  test('carries a signature of Gemini\'s back to its call', async () => {
    script(gemini.streamed({ thinking: ['Hm.'], signature: 'c2lnbmVkIQ==', toolCalls: [{ id: 'g1', name: 'look', args: { at: 'Oslo' } }] }), gemini.streamed({ text: ['Sunny.'] }));
    const last = await client.beta.messages.toolRunner({ ...ask(), model: G_MODEL, stream: true }).runUntilDone();
    assert.equal(last.stop_reason, 'end_turn');
    const [, turn, result] = requests()[1].json.contents;
    assert.deepEqual(turn.parts, [{ functionCall: { id: 'g1', name: 'look', args: { at: 'Oslo' } }, thoughtSignature: 'c2lnbmVkIQ==' }]);
    assert.deepEqual(result.parts[0].functionResponse.response, { output: 'sunny in Oslo' });
  });
});

describe('a second turn', () => {
  /** Both turns, streamed and whole: what the provider was asked in the second. @param {string} model @param {import('../simulator/wire.mjs').Reply} first */
  async function twoTurns(model, first) {
    const seen = [];
    for (const stream of [true, false]) {
      gateway.simulator.clear();
      script(first);
      const request = { model, tools: [{ name: 'look', description: 'Looks.', parameters: LOOK.input_schema }], thinking: true };
      const answer = await surface.ask(client, { ...request, turns: [{ user: 'hello' }] }, { stream });
      assert.deepEqual([answer.finish, answer.reasoning, answer.calls[0].arguments], ['tool_use', 'Hm.', { at: 'Oslo' }]);
      const results = answer.calls.map(({ id, name }) => ({ id, name, text: 'sunny' }));
      await surface.ask(client, { ...request, turns: [{ user: 'hello' }, { assistant: answer.turn }, { results }] }, { stream });
      seen.push(requests()[1].json);
    }
    assert.deepEqual(seen[0], seen[1]);
    return seen[0];
  }

  test('carries Gemini\'s thought signature', async () => {
    const { contents } = await twoTurns(G_MODEL, gemini.streamed({ thinking: ['Hm', '.'], signature: 'c2lnbmVkIQ==', toolCalls: [{ id: 'g1', name: 'look', args: { at: 'Oslo' } }, { id: 'g2', name: 'look', args: { at: 'Rome' } }] }));
    assert.deepEqual(contents[1].parts.map((/** @type {any} */ part) => [part.functionCall.args.at, part.thoughtSignature]), [['Oslo', 'c2lnbmVkIQ=='], ['Rome', undefined]]);
    assert.deepEqual(contents[2].parts.map((/** @type {any} */ part) => part.functionResponse.response), [{ output: 'sunny' }, { output: 'sunny' }]);
  });

  test('carries the encrypted reasoning of Responses', async () => {
    const { input } = await twoTurns(O_MODEL, responses.streamed({ reasoning: ['Hm', '.'], sealed: 'c2VhbGVk', toolCalls: [TOOL_CALL] }));
    assert.deepEqual(input.slice(1, 3), [
      { type: 'reasoning', id: 'rs_simulated', summary: [{ type: 'summary_text', text: 'Hm.' }], encrypted_content: 'c2VhbGVk' },
      { type: 'function_call', call_id: 'call_a', name: 'look', arguments: '{"at":"Oslo"}' },
    ]);
  });

  test('carries the vendor\'s own signature, untouched', async () => {
    gateway.simulator.script(anthropic.streamed({ blocks: [{ thinking: ['Hm', '.'], signature: 'c2ln' }, { redacted: 'eA==' }, { id: 'toolu_a', name: 'look', input: ['', '{"at":"Oslo"}'] }] }));
    const { content } = await client.messages.stream({ ...ASK, model: CLAUDE }).finalMessage();
    const results = { role: /** @type {const} */ ('user'), content: [{ type: /** @type {const} */ ('tool_result'), tool_use_id: 'toolu_a', content: 'sunny' }] };
    await client.messages.stream({ ...ASK, model: CLAUDE, messages: [...MESSAGES, { role: 'assistant', content }, results] }).finalMessage();
    assert.deepEqual(requests()[1].json.messages, [MESSAGES[0], {
      role: 'assistant',
      content: [{ type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }, { type: 'redacted_thinking', data: 'eA==' }, { type: 'tool_use', id: 'toolu_a', name: 'look', input: { at: 'Oslo' } }],
    }, results]);
  });

  test('may go to the vendor behind one of another provider', async () => {
    script(gemini.streamed({ thinking: ['Hm.'], signature: 'c2lnbmVkIQ==', toolCalls: [{ id: 'g1', name: 'look', args: {} }] }), anthropic.streamed({ blocks: [{ text: ['fine'] }] }));
    const { content } = await client.messages.stream({ ...ASK, model: G_MODEL, thinking: { type: 'adaptive' } }).finalMessage();
    assert.deepEqual(content.map(({ type }) => type), ['thinking', 'tool_use', 'redacted_thinking']);
    const results = { role: /** @type {const} */ ('user'), content: [{ type: /** @type {const} */ ('tool_result'), tool_use_id: 'g1', content: 'sunny' }] };
    const asked = { ...ASK, model: CLAUDE, thinking: { type: /** @type {const} */ ('adaptive') }, messages: [...MESSAGES, { role: /** @type {const} */ ('assistant'), content }, results] };
    assert.equal((await client.messages.stream(asked).finalMessage()).stop_reason, 'end_turn');
    assert.deepEqual(requests()[1].json.messages[1].content.map(({ type }) => type), ['tool_use']);
  });
});

describe('the vendor itself behind its own surface', () => {
  test('gets the client\'s own words and headers, and its events come back as they were', async () => {
    const [start, ...rest] = anthropic.frames({ blocks: [{ text: ['Hel', 'lo'] }] });
    const odd = anthropic.event({ type: 'odd_event', x: [1] });
    script(anthropic.streamOf([start, odd, ...rest]));
    const body = { ...ASK, model: CLAUDE, stream: true, top_k: 3, unheard_of: { a: null }, metadata: { user_id: 'u', other: 1 } };
    const answer = await post(gateway.worker, '/v1/messages', body, { 'anthropic-version': '2026-10-21', 'anthropic-beta': 'one,two', 'x-api-key': 'none' });
    assert.equal(answer.text, [start, odd, ...rest].join(''));
    const [{ json, headers }] = requests();
    assert.deepEqual(json, { ...body, model: anthropic.MODEL });
    assert.deepEqual([headers['anthropic-version'], headers['anthropic-beta'], headers['x-api-key']], ['2026-10-21', 'one,two', ANTHROPIC_KEY]);
  });

  test('is asked for a whole answer by who wants one, and gives it to the byte', async () => {
    const reply = anthropic.whole({ blocks: [{ thinking: ['Hm.'], signature: 'c2ln' }, { text: ['Hello'] }] });
    script(reply);
    const answer = await post(gateway.worker, '/v1/messages', { ...ASK, model: CLAUDE });
    assert.deepEqual([answer.text, requests()[0].json.stream], [reply.steps?.[0], undefined]);
    const beta = await client.beta.messages.create({ ...ASK, model: CLAUDE, betas: ['context-1m'] });
    assert.deepEqual([beta.stop_reason, requests()[1].headers['anthropic-beta']], ['end_turn', 'context-1m']);
  });

  test('is the second of an alias, in the same words', async () => {
    script(({ path }) => (path === '/v1/messages' ? anthropic.streamed({ blocks: [{ text: ['fine'] }] }) : openai.failed(503)));
    const message = await client.messages.stream({ ...ASK, model: 'either', top_k: 3 }).finalMessage();
    assert.equal(message.model, anthropic.MODEL);
    assert.equal(requests().at(-1)?.json.top_k, 3);
  });
});

describe('tokens', () => {
  const counted = (/** @type {object} */ body) => ({ status: 200, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify(body)] });
  const ask = (/** @type {string} */ model) => client.messages.countTokens({ model, messages: MESSAGES, system: 's' });

  test('are counted by a provider that counts', async () => {
    script(counted({ input_tokens: 42 }));
    assert.deepEqual({ ...await ask(CLAUDE) }, { input_tokens: 42 });
    assert.deepEqual([requests()[0].path, requests()[0].json], ['/v1/messages/count_tokens', { model: anthropic.MODEL, messages: MESSAGES, system: 's' }]);
    script(counted({ totalTokens: 43 }));
    assert.deepEqual({ ...await ask(G_MODEL) }, { input_tokens: 43 });
    assert.match(requests()[1].path, /:countTokens$/);
  });

  test('are guessed elsewhere, which is said', async () => {
    assert.deepEqual({ ...await ask(GPT) }, { input_tokens: 2, estimated: true });
    assert.equal(requests().length, 0);
    script(anthropic.failed(404, 'not_found_error', 'Not found'));
    assert.equal(/** @type {any} */ (await ask(CLAUDE)).estimated, true, 'a copy that has no such route');
    const document = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'x' } };
    const error = await post(gateway.worker, '/v1/messages/count_tokens', { model: G_MODEL, messages: [{ role: 'user', content: [document] }] });
    assert.equal(error.json.estimated, true, 'what cannot be told is not counted');
  });

  test('that cannot be counted are an error', async () => {
    script(anthropic.failed(401, 'authentication_error'));
    assert.equal((await raised(() => ask(CLAUDE))).constructor.name, 'AuthenticationError');
    assert.equal((await raised(() => client.messages.countTokens({ model: CLAUDE, messages: [] }))).status, 400);
  });
});

describe('an error', () => {
  test('of the request names the field', async () => {
    const answer = await post(gateway.worker, '/v1/messages', { model: GPT, messages: MESSAGES });
    assert.deepEqual([answer.status, answer.headers['x-should-retry']], [400, 'false']);
    assert.deepEqual(answer.json, {
      type: 'error',
      error: { details: null, type: 'invalid_request_error', message: 'max_tokens is required', param: 'max_tokens' },
      request_id: answer.headers['request-id'],
    });
    const error = await raised(() => client.messages.create({ ...ASK, mcp_servers: [{ name: 'x', type: 'url', url: 'https://x' }] }));
    assert.deepEqual([error.constructor.name, error.type], ['BadRequestError', 'invalid_request_error']);
    assert.match(error.apiMessage, /mcp_servers cannot be said to openai/);
    assert.equal(requests().length, 0);
  });

  /** @type {[status: number, error: object, told: number, name: string, type: string][]} */
  const statuses = [
    [400, {}, 400, 'BadRequestError', 'invalid_request_error'],
    [401, {}, 401, 'AuthenticationError', 'authentication_error'],
    [403, {}, 403, 'PermissionDeniedError', 'permission_error'],
    [404, { code: 'model_not_found' }, 404, 'NotFoundError', 'not_found_error'],
    [429, {}, 429, 'RateLimitError', 'rate_limit_error'],
    [503, {}, 529, 'OverloadedError', 'overloaded_error'],
  ];
  for (const [status, error, told, name, type] of statuses) {
    test(`${status} of a provider is ${name}`, async () => {
      script(openai.failed(status, error));
      for (const stream of [true, false]) {
        const info = await surface.raises(client, { model: GPT, turns: [{ user: 'hello' }] }, { stream });
        assert.deepEqual([info.name, info.status, info.type], [name, told, type]);
        assert.ok(info.requestId);
      }
    });
  }

  test('about a route that is not there, or a method, is in the same form', async () => {
    const batches = await raised(() => client.messages.batches.list());
    assert.deepEqual([batches.constructor.name, batches.type], ['NotFoundError', 'not_found_error']);
    const { status, json } = await post(gateway.worker, '/v1/messages', 'x');
    assert.deepEqual([status, json.error.type], [400, 'invalid_request_error']);
  });

  test('in mid-stream is raised, behind what came before it', async () => {
    const sent = openai.frames({ text: ['Hel', 'lo'] }).slice(0, 2);
    script(openai.streamOf([...sent, openai.frame({ error: { message: 'busy', type: 'overloaded_error' } })]));
    /** @type {string[]} */
    const texts = [];
    const error = await raised(() => client.messages.stream(ASK).on('text', (text) => texts.push(text)).finalMessage());
    assert.deepEqual([error.constructor.name, error.type, error.apiMessage, texts], ['APIError', 'overloaded_error', 'busy', ['Hel']]);
    const { frames } = await raw({});
    assert.deepEqual([frames.at(-1)?.name, frames.some(({ name }) => name === 'message_stop' || name === 'message_delta')], ['error', false]);
  });

  test('of an answer that breaks off is raised, from the vendor itself too', async () => {
    script(openai.streamOf(openai.frames({ text: ['Hel', 'lo'] }).slice(0, 2)));
    assert.equal((await raised(() => client.messages.stream(ASK).finalMessage())).type, 'api_error');
    const sent = anthropic.frames({ blocks: [{ text: ['Hel', 'lo'] }] });
    script(anthropic.streamOf(sent.slice(0, 4)));
    assert.equal((await raised(() => client.messages.stream({ ...ASK, model: CLAUDE }).finalMessage())).type, 'api_error');
    script(anthropic.streamOf([...sent.slice(0, 4), anthropic.event(anthropic.error('overloaded_error', 'Overloaded'))]));
    assert.equal((await raised(() => client.messages.stream({ ...ASK, model: CLAUDE }).finalMessage())).type, 'overloaded_error');
  });
});

test('the models are listed as the vendor lists its own', async () => {
  const ids = [];
  for await (const { id, type } of client.models.list()) ids.push(type === 'model' && id);
  assert.ok(ids.includes(CLAUDE), ids.join());
});

test('the Python SDK reads it all the same', async (context) => {
  const run = promisify(execFile);
  const python = process.env.PYTHON ?? 'python3';
  try {
    await run(python, ['-c', 'import anthropic']);
  } catch {
    return context.skip('the package anthropic is not installed');
  }
  script(
    gemini.streamed({ thinking: ['Hm', '.'], text: ['I ', 'look.'], signature: 'c2lnbmVkIQ==', toolCalls: [{ id: 'g1', name: 'look', args: { at: 'Oslo' } }] }),
    gemini.streamed({ text: ['Sunny.'] }),
    { status: 200, headers: { 'content-type': 'application/json' }, steps: ['{"totalTokens":7}'] },
  );
  const { url, headers } = gateway.worker;
  const env = { ...process.env, GATEWAY_URL: url, GATEWAY_HEADERS: JSON.stringify(headers), GATEWAY_MODEL: G_MODEL };
  const { stdout } = await run(python, [new URL('python/anthropic_smoke.py', import.meta.url).pathname], { env });
  const seen = JSON.parse(stdout);
  assert.match(seen.raised.request_id, /^req_/);
  delete seen.raised.request_id;
  assert.deepEqual(seen, {
    pieces: ['I ', 'look.'], input: { at: 'Oslo' }, stop: 'tool_use', output_tokens: 12, thinking: 'Hm.', second: 'Sunny.', request_id: true, counted: 7,
    raised: { status: 400, message: 'max_tokens must be a whole number of at least 1' },
  });
  assert.equal(requests()[1].json.contents[1].parts[1].thoughtSignature, 'c2lnbmVkIQ==');
});
