// @ts-check
/** OpenAI's SDK on Chat Completions, with one base URL changed: what it makes of our chunks, whoever answers. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import OpenAI from 'openai';
import * as anthropic from '../simulator/formats/anthropic.mjs';
import * as gemini from '../simulator/formats/gemini.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import * as responses from '../simulator/formats/openai_responses.mjs';
import { gate, hangUp, silence } from '../simulator/wire.mjs';
import { beginPost, get, post, watch } from './client.mjs';
import { startGateway } from './gateway.mjs';
import { reply as replyToPython } from './python/openai_replies.mjs';
import { lacks, runPython } from './python/run.mjs';
import { surface } from './surfaces/openai_chat.mjs';

const CLAUDE = `anthropic/${anthropic.MODEL}`;
const GEMINI = `gemini/${gemini.MODEL}`;
const RESPONSES = `openai-responses/${responses.MODEL}`;
const OWN = `openai/${openai.MODEL}`;
const TOOLS = [{ name: 'look', description: 'Looks.', parameters: { type: 'object', properties: { at: { type: 'string' } } } }];
const SCHEMA = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false };
const ROUTE = '/v1/chat/completions';
const ASK = [{ user: 'hello' }];
const MESSAGES = [{ role: /** @type {const} */ ('user'), content: 'hello' }];

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
/** @type {OpenAI} */
let client;
before(async () => {
  gateway = await startGateway({ HEARTBEAT_SECONDS: '0.05', IDLE_TIMEOUT_SECONDS: '5' });
  client = surface.connect(gateway.worker);
});
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

const asked = () => gateway.simulator.requests.map(({ json }) => json);

describe('an answer', () => {
  test('is the same streamed and whole, from another vendor', async () => {
    const blocks = [{ thinking: ['Hm', '.'], signature: 'c2ln' }, { text: ['I ', 'look 🌊'] }, { id: 'toolu_1', name: 'look', input: ['{"at":', '"Oslo"}'] }, { id: 'toolu_2', name: 'look', input: [''] }];
    gateway.simulator.script(anthropic.streamed({ blocks }));
    const request = { model: CLAUDE, turns: [{ system: 'Be brief.' }, ...ASK], tools: TOOLS };
    for (const stream of [true, false]) {
      const { text, reasoning, calls, finish, usage } = await surface.ask(client, request, { stream });
      assert.deepEqual([text, reasoning, finish, usage], ['I look 🌊', 'Hm.', 'tool_calls', { input: 13, output: 12 }]);
      assert.deepEqual(calls, [{ id: 'toolu_1', name: 'look', arguments: { at: 'Oslo' } }, { id: 'toolu_2', name: 'look', arguments: {} }]);
    }
  });

  test('comes in chunks of one id, with usage only where it was asked for', async () => {
    gateway.simulator.script(gemini.streamed({ text: ['one ', 'two'] }));
    for (const include_usage of [true, false]) {
      const chunks = [];
      for await (const chunk of await client.chat.completions.create({ model: GEMINI, messages: MESSAGES, stream: true, stream_options: { include_usage } })) chunks.push(chunk);
      assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
      assert.match(chunks[0].id, /^chatcmpl-r_/);
      assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), 'one two');
      assert.equal(chunks.filter(({ usage }) => usage).length, include_usage ? 1 : 0);
      assert.equal(chunks.findLast(({ choices }) => choices.length > 0)?.choices[0].finish_reason, 'stop');
    }
  });

  test('survives heartbeats in its middle', async () => {
    const pause = Promise.withResolvers();
    const frames = anthropic.frames({ blocks: [{ text: ['one ', 'two'] }] });
    gateway.simulator.script(anthropic.streamOf([...frames.slice(0, 4), gate(pause.promise), ...frames.slice(4)]));
    const run = client.chat.completions.stream({ model: CLAUDE, messages: MESSAGES });
    run.on('content', () => setTimeout(() => pause.resolve(undefined), 300));
    assert.equal(await run.finalContent(), 'one two');
    const again = Promise.withResolvers();
    gateway.simulator.script(anthropic.streamOf([...frames.slice(0, 4), gate(again.promise), ...frames.slice(4)]));
    const reading = watch(await beginPost(gateway.worker, ROUTE, { model: CLAUDE, messages: MESSAGES, stream: true }).response);
    await reading.until((text) => text.includes('one ') && /\n\n(: hb\n){2}/.test(text));
    again.resolve(undefined);
    await reading.whole();
  });

  test('may have sources, which the SDK keeps all of', async () => {
    // As the vendor sends them, translated by way of its other API.
    const source = (/** @type {string} */ url) => ({ type: 'url_citation', url, title: 'T', start_index: 0, end_index: 1 });
    const added = ['https://a', 'https://b'].map((url, annotation_index) => responses.frame(/** @type {any} */ ({
      type: 'response.output_text.annotation.added', item_id: 'msg_simulated', output_index: 0, content_index: 0, annotation_index, annotation: source(url),
    })));
    const frames = responses.frames({ text: ['fine'] });
    gateway.simulator.script(responses.streamOf([...frames.slice(0, 5), ...added, ...frames.slice(5)]));
    const message = await client.chat.completions.stream({ model: RESPONSES, messages: MESSAGES }).finalMessage();
    assert.deepEqual(/** @type {any} */ (message).annotations.map((/** @type {any} */ { url_citation: { url } }) => url), ['https://a', 'https://b']);
  });

  test('says what could not be said to the vendor', async () => {
    gateway.simulator.script(anthropic.streamed({ blocks: [{ text: ['fine'] }] }));
    const body = { model: CLAUDE, messages: MESSAGES, seed: 1, frequency_penalty: 1 };
    const whole = /** @type {any} */ (await client.chat.completions.create(body));
    const streamed = /** @type {any} */ (await client.chat.completions.stream(body).finalChatCompletion());
    for (const { warnings } of [whole, streamed]) assert.deepEqual(warnings.map((/** @type {string} */ text) => text.split(' ')[0]).sort(), ['frequency_penalty', 'seed']);
  });

  test('ends at once when the client leaves', async () => {
    gateway.simulator.script(anthropic.streamOf([...anthropic.frames({ blocks: [{ text: ['one ', 'two'] }] }).slice(0, 4), silence()]));
    const controller = new AbortController();
    const run = client.chat.completions.stream({ model: CLAUDE, messages: MESSAGES }, { signal: controller.signal });
    run.on('content', () => controller.abort());
    await assert.rejects(run.finalContent(), OpenAI.APIUserAbortError);
    await gateway.simulator.waitFor(([one]) => one?.outcome === 'aborted');
  });
});

describe('the SDK\'s helpers', () => {
  test('parse structured output', async () => {
    gateway.simulator.script(gemini.streamed({ text: ['{"a"', ':1}'] }));
    const response_format = /** @type {any} */ ({
      type: 'json_schema', json_schema: { name: 'answer', schema: SCHEMA, strict: true },
      $brand: 'auto-parseable-response-format', $parseRaw: (/** @type {string} */ raw) => JSON.parse(raw),
    });
    const parsed = await client.chat.completions.parse({ model: GEMINI, messages: MESSAGES, response_format });
    assert.deepEqual(parsed.choices[0].message.parsed, { a: 1 });
    const streamed = await client.chat.completions.stream({ model: GEMINI, messages: MESSAGES, response_format }).finalMessage();
    assert.deepEqual(streamed.parsed, { a: 1 });
  });

  for (const stream of [true, false]) {
    test(`run tools, ${stream ? 'streamed' : 'whole'}, though they return no field that they do not know`, async () => {
      gateway.simulator.script(
        gemini.streamed({ thinking: ['Hm'], text: ['I look.'], toolCalls: [{ id: 'a', name: 'look', args: { at: 'Oslo' } }, { id: 'b', name: 'look' }], signature: 'c2ln' }),
        gemini.streamed({ text: ['fine'] }),
      );
      const tools = /** @type {any} */ ([{ type: 'function', function: { ...TOOLS[0], function: () => 'Rain.', parse: JSON.parse } }]);
      const run = client.chat.completions.runTools(/** @type {any} */ ({ model: GEMINI, messages: MESSAGES, tools, stream }));
      assert.equal(await run.finalContent(), 'fine');
      assert.deepEqual(asked()[1].contents[1].parts, [
        // What the vendor takes in the place of a signature that was lost.
        { text: 'I look.' }, { functionCall: { id: 'a', name: 'look', args: { at: 'Oslo' } }, thoughtSignature: 'skip_thought_signature_validator' }, { functionCall: { id: 'b', name: 'look', args: {} } },
      ]);
    });
  }
});

describe('a second turn', () => {
  const RESULT = { results: [{ id: 'a', name: 'look', text: 'Rain.' }] };

  for (const stream of [true, false]) {
    const how = stream ? 'streamed' : 'whole';

    test(`brings Gemini the signature of its call back, ${how}`, async () => {
      gateway.simulator.script(
        gemini.streamed({ thinking: ['Hm'], text: ['I look.'], toolCalls: [{ id: 'a', name: 'look', args: { at: 'Oslo' } }], signature: 'c2ln' }),
        gemini.streamed({ text: ['fine'] }),
      );
      const first = await surface.ask(client, { model: GEMINI, turns: ASK, tools: TOOLS }, { stream });
      await surface.ask(client, { model: GEMINI, turns: [...ASK, { assistant: first.turn }, RESULT], tools: TOOLS }, { stream });
      assert.deepEqual(asked()[1].contents[1].parts, [
        { text: 'I look.' }, { functionCall: { id: 'a', name: 'look', args: { at: 'Oslo' } }, thoughtSignature: 'c2ln' },
      ]);
    });

    test(`brings Anthropic its signature back, ${how}`, async () => {
      gateway.simulator.script(
        anthropic.streamed({ blocks: [{ thinking: ['Hm', '.'], signature: 'c2ln' }, { text: ['I look.'] }, { id: 'a', name: 'look', input: ['{"at":"Oslo"}'] }] }),
        anthropic.streamed({ blocks: [{ text: ['fine'] }] }),
      );
      const first = await surface.ask(client, { model: CLAUDE, turns: ASK, tools: TOOLS, thinking: true }, { stream });
      const second = await surface.ask(client, { model: CLAUDE, turns: [...ASK, { assistant: first.turn }, RESULT], tools: TOOLS, thinking: true }, { stream });
      assert.equal(second.text, 'fine');
      assert.deepEqual(asked()[1].messages[1].content, [
        { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }, { type: 'text', text: 'I look.' }, { type: 'tool_use', id: 'a', name: 'look', input: { at: 'Oslo' } },
      ]);
    });

    test(`brings the vendor's other API its encrypted reasoning back, ${how}`, async () => {
      gateway.simulator.script(
        responses.streamed({ reasoning: ['Hm.'], sealed: 'c2VhbGVk', text: ['I look.'], toolCalls: [{ id: 'a', name: 'look', arguments: '{"at":"Oslo"}' }] }),
        responses.streamed({ text: ['fine'] }),
      );
      const first = await surface.ask(client, { model: RESPONSES, turns: ASK, tools: TOOLS }, { stream });
      await surface.ask(client, { model: RESPONSES, turns: [...ASK, { assistant: first.turn }, RESULT], tools: TOOLS }, { stream });
      const [, sealed, message, call] = asked()[1].input;
      assert.deepEqual([sealed.encrypted_content, message.content[0].text, call.call_id], ['c2VhbGVk', 'I look.', 'a']);
    });
  }

  test('with the vendor itself has nothing of ours in it', async () => {
    gateway.simulator.script(gemini.streamed({ toolCalls: [{ id: 'a', name: 'look', args: {} }], signature: 'c2ln' }));
    const { turn } = await surface.ask(client, { model: GEMINI, turns: ASK, tools: TOOLS }, { stream: true });
    gateway.simulator.clear();
    gateway.simulator.script(openai.streamed({ text: ['fine'] }));
    await surface.ask(client, { model: OWN, turns: [...ASK, { assistant: turn }, RESULT], tools: TOOLS }, { stream: true });
    assert.doesNotMatch(gateway.simulator.requests[0].body, /opaque|c2ln/);
  });
});

describe('an ending', () => {
  test('by refusal has its words', async () => {
    gateway.simulator.script(anthropic.streamed({ blocks: [], stop: 'refusal' }));
    for (const stream of [true, false]) {
      const { finish, refusal } = await surface.ask(client, { model: CLAUDE, turns: ASK }, { stream });
      assert.deepEqual([finish, refusal], ['stop', 'The model declined to answer.']);
    }
  });

  test('by a limit or a filter has the vendor\'s word', async () => {
    for (const [reason, told] of [['MAX_TOKENS', 'length'], ['SAFETY', 'content_filter']]) {
      gateway.simulator.script(gemini.streamed({ text: ['Hel'], reason }));
      for (const stream of [true, false]) {
        const { finish, text } = await surface.ask(client, { model: GEMINI, turns: ASK }, { stream });
        assert.deepEqual([finish, text], [told, 'Hel']);
      }
    }
  });

  test('by a failure in mid-stream is raised, natively and translated', async () => {
    const native = openai.frames({ text: ['Hel', 'lo'] }).slice(0, 2);
    const foreign = anthropic.frames({ blocks: [{ text: ['Hel', 'lo'] }] }).slice(0, 4);
    const busy = anthropic.event(anthropic.error('overloaded_error', 'too busy'));
    /** @type {[string, import('../simulator/wire.mjs').Reply, RegExp][]} */
    const failures = [
      [OWN, openai.streamOf([...native, openai.frame({ error: { message: 'too busy', type: 'overloaded_error' } })]), /too busy/],
      [OWN, openai.streamOf([...native, hangUp()]), /broke/],
      [OWN, openai.streamOf(native), /broke off/],
      [CLAUDE, anthropic.streamOf([...foreign, busy]), /too busy/],
      [CLAUDE, anthropic.streamOf(foreign), /broke off/],
    ];
    for (const [model, reply, words] of failures) {
      gateway.simulator.script(reply);
      const error = await surface.raises(client, { model, turns: ASK }, { stream: true });
      assert.equal(error.name, 'APIError');
      assert.match(error.message, words);
      let text = '';
      const iterate = async () => { for await (const chunk of await client.chat.completions.create({ model, messages: MESSAGES, stream: true })) text += chunk.choices[0]?.delta.content ?? ''; };
      await assert.rejects(iterate, words);
      assert.equal(text, 'Hel', 'what came before it is not lost');
      assert.doesNotMatch((await post(gateway.worker, ROUTE, { model, messages: MESSAGES, stream: true })).text, /\[DONE\]/);
    }
  });
});

describe('an error before the answer', () => {
  /** @type {[import('../simulator/wire.mjs').Reply, string, number, string | null, number][]} */
  const failures = [
    [anthropic.failed(400, 'invalid_request_error', 'odd'), 'BadRequestError', 400, null, 1],
    [anthropic.failed(401, 'authentication_error'), 'AuthenticationError', 401, 'invalid_api_key', 1],
    [anthropic.failed(403, 'permission_error'), 'PermissionDeniedError', 403, null, 1],
    [anthropic.failed(404, 'not_found_error'), 'NotFoundError', 404, 'not_found', 1],
    [anthropic.failed(429, 'rate_limit_error'), 'RateLimitError', 429, 'rate_limit_exceeded', 3],
    [anthropic.failed(529, 'overloaded_error'), 'InternalServerError', 503, 'overloaded', 3],
  ];
  for (const [reply, name, status, code, attempts] of failures) {
    test(`is the SDK's ${name}`, async () => {
      gateway.simulator.script(reply);
      for (const stream of [true, false]) {
        gateway.simulator.requests.length = 0;
        const error = await surface.raises(client, { model: CLAUDE, turns: ASK }, { stream });
        assert.deepEqual([error.name, error.status], [name, status], JSON.stringify(error));
        if (code === null) assert.equal(error.code, null);
        assert.equal(gateway.simulator.requests.length, attempts);
      }
    });
  }

  test('is not asked for again by the SDK where that is of no use', async () => {
    gateway.simulator.script(anthropic.failed(400, 'invalid_request_error', 'odd'));
    await assert.rejects(client.chat.completions.create({ model: CLAUDE, messages: MESSAGES }, { maxRetries: 2 }), OpenAI.BadRequestError);
    assert.equal(gateway.simulator.requests.length, 1);
  });

  test('names the field or the model', async () => {
    await assert.rejects(client.chat.completions.create({ model: OWN, messages: [] }), { status: 400, param: 'messages' });
    await assert.rejects(client.chat.completions.create({ model: CLAUDE, messages: MESSAGES, n: 2 }), { status: 400, param: 'n' });
    await assert.rejects(client.chat.completions.create({ model: 'nobody/m', messages: MESSAGES }), { constructor: OpenAI.NotFoundError, code: 'model_not_found' });
    await assert.rejects(client.models.retrieve('m'), OpenAI.NotFoundError);
    assert.equal((await get(gateway.worker, '/v1/nothing')).json.error.type, 'invalid_request_error');
    assert.deepEqual(asked(), []);
  });
});

describe('the vendor\'s own API behind it', () => {
  test('gets the client\'s own words, and its chunks arrive undamaged', async () => {
    const chunk = (/** @type {object} */ more) => openai.frame({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', unheard_of: [1, { x: '\u2028é' }], ...more });
    const token = (/** @type {string} */ token) => ({ content: [{ token, logprob: -0.1, bytes: null, top_logprobs: [] }], refusal: null });
    const choice = (/** @type {number} */ index, /** @type {string} */ content) => chunk({ choices: [{ index, delta: { role: 'assistant', content }, logprobs: token(content), finish_reason: null }] });
    const finish = (/** @type {number} */ index) => chunk({ choices: [{ index, delta: {}, logprobs: null, finish_reason: 'stop' }] });
    const sent = [choice(0, 'Hel'), choice(1, 'Good'), choice(0, 'lo'), finish(0), finish(1)];
    gateway.simulator.script(openai.streamOf([...sent, openai.usageChunk(openai.USAGE), openai.DONE]));
    const body = { messages: MESSAGES, n: 2, logprobs: true, logit_bias: { 1: 2 }, unheard_of: { a: [1] } };
    const { text } = await post(gateway.worker, ROUTE, { model: OWN, stream: true, ...body });
    assert.equal(text, [...sent, openai.DONE].join(''), 'without the usage that it did not ask for');
    assert.deepEqual(asked()[0], { model: openai.MODEL, stream: true, ...body, stream_options: { include_usage: true } });
    const { choices } = await client.chat.completions.stream(/** @type {any} */ ({ model: OWN, ...body })).finalChatCompletion();
    assert.deepEqual(choices.map(({ message, logprobs }) => [message.content, logprobs?.content?.length]), [['Hello', 2], ['Good', 1]]);
  });

  test('may be asked for a whole answer, and is', async () => {
    gateway.simulator.script(openai.whole({ text: 'fine', reasoning: ['Hm.'] }));
    const { id, choices: [{ message }] } = await client.chat.completions.create({ model: OWN, messages: MESSAGES });
    assert.deepEqual([id, message.content, asked()[0].stream], ['chatcmpl-simulated', 'fine', undefined]);
  });
});

test('Python\'s SDK sees the same', { skip: lacks('openai') }, async () => {
  gateway.simulator.script(replyToPython);
  const seen = await runPython('openai_smoke.py', gateway.worker, 'chat', CLAUDE, GEMINI);
  for (const { types, ...rest } of seen) {
    assert.ok(types.includes('tool_calls.function.arguments.done') && types.includes('content.done'), types.join());
    assert.deepEqual(rest.calls.map((/** @type {string[]} */ [id, name, args]) => [id, name, JSON.parse(args)]), [['a', 'look', { at: 'Oslo' }]]);
    assert.deepEqual([rest.first, rest.second, rest.parsed, rest.usage > 0], ['I look.', 'fine', 1, true]);
    assert.deepEqual(rest.before.slice(0, 2), ['RateLimitError', 429]);
    for (const [name, , , message] of [rest.helper, rest.raw]) assert.deepEqual([name, message], ['APIError', 'too busy']);
  }
  const again = gateway.simulator.requests.filter(({ body }) => body.includes('Rain.')).map(({ body }) => body);
  assert.deepEqual(again.map((body) => body.includes('c2ln')), [true, true], 'the signatures came back');
});
