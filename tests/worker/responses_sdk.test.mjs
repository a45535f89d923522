// @ts-check
/** OpenAI's SDK on Responses, with one base URL changed: what it makes of our events, whoever answers. */
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
import { readResponses } from './openai_events.mjs';
import { reply as replyToPython } from './python/openai_replies.mjs';
import { lacks, runPython } from './python/run.mjs';
import { surface } from './surfaces/openai_responses.mjs';

const CLAUDE = `anthropic/${anthropic.MODEL}`;
const GEMINI = `gemini/${gemini.MODEL}`;
const OWN = `openai-responses/${responses.MODEL}`;
const CHAT = `openai/${openai.MODEL}`;
const TOOLS = [{ name: 'look', description: 'Looks.', parameters: { type: 'object', properties: { at: { type: 'string' } } } }];
const SCHEMA = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false };
const ROUTE = '/v1/responses';

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
/** The events of a stream as they are on the wire. @param {object} body */
async function events(body) {
  const { status, text, headers } = await post(gateway.worker, ROUTE, { input: 'hello', stream: true, ...body });
  assert.equal(status, 200, text);
  assert.equal(headers['content-type'], 'text/event-stream; charset=utf-8');
  return readResponses(text);
}

describe('a stream', () => {
  test('has the vendor\'s events in the vendor\'s order, and says in the end what was said before', async () => {
    gateway.simulator.script(anthropic.streamed({ blocks: [
      { thinking: ['Hm', '.'], signature: 'c2ln' }, { text: ['I ', 'look.'] }, { id: 'toolu_1', name: 'look', input: ['{"at":', '"Oslo"}'] },
    ] }));
    const seen = await events({ model: CLAUDE, instructions: 'Be brief.' });
    const short = seen.map(({ type }) => type.replace('response.', ''));
    assert.deepEqual(short, [
      'created', 'in_progress',
      'output_item.added', 'reasoning_summary_part.added', 'reasoning_summary_text.delta', 'reasoning_summary_text.delta',
      'reasoning_summary_text.done', 'reasoning_summary_part.done', 'output_item.done',
      'output_item.added', 'content_part.added', 'output_text.delta', 'output_text.delta', 'output_text.done', 'content_part.done', 'output_item.done',
      'output_item.added', 'function_call_arguments.delta', 'function_call_arguments.delta', 'function_call_arguments.done', 'output_item.done',
      'completed',
    ]);
    const { response } = /** @type {any} */ (seen.at(-1));
    assert.deepEqual(response.output, seen.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item));
    assert.deepEqual([response.model, response.instructions, response.usage.total_tokens], [anthropic.MODEL, 'Be brief.', anthropic.USAGE.total_tokens]);
    const [, run] = /^resp_(r_[0-9a-f]+)s[0-9a-f]{30}$/.exec(response.id) ?? [];
    assert.deepEqual(response.output.map((/** @type {any} */ { id }) => id), [`rs_${run}_0`, `msg_${run}_1`, `fc_${run}_2`]);
  });

  test('is what the SDK\'s accumulator makes of it, and what the SDK gets whole', async () => {
    const said = { text: ['Hel', 'lo 🌊'], reasoning: ['Hm', '.'], toolCalls: [{ id: 'call_a', name: 'look', arguments: ['{"at":', '"Oslo"}'] }, { id: 'call_b', name: 'look', arguments: '' }] };
    gateway.simulator.script(openai.streamed(said));
    const request = { model: CHAT, turns: [{ user: 'hello' }], tools: TOOLS };
    const [streamed, whole] = [await surface.ask(client, request, { stream: true }), await surface.ask(client, request)];
    for (const { text, reasoning, calls, finish, usage } of [streamed, whole]) {
      assert.deepEqual([text, reasoning, finish, usage], ['Hello 🌊', 'Hm.', 'completed', { input: 9, output: 12 }]);
      assert.deepEqual(calls, [{ id: 'call_a', name: 'look', arguments: { at: 'Oslo' } }, { id: 'call_b', name: 'look', arguments: {} }]);
    }
    assert.deepEqual(asked().map(({ stream }) => stream), [true, true], 'a translated answer is always asked for as a stream');
  });

  test('gives the SDK\'s events as they come', async () => {
    gateway.simulator.script(gemini.streamed({ text: ['one ', 'two'] }));
    const pieces = [];
    const run = client.responses.stream({ model: GEMINI, input: 'hello' });
    run.on('response.output_text.delta', ({ delta, snapshot }) => pieces.push([delta, snapshot]));
    const { output_text: text } = await run.finalResponse();
    assert.deepEqual([text, pieces], ['one two', [['one ', 'one '], ['two', 'one two']]]);
    const types = [];
    for await (const { type } of await client.responses.create({ model: GEMINI, input: 'hello', stream: true })) types.push(type);
    assert.deepEqual([types[0], types.at(-1)], ['response.created', 'response.completed']);
  });

  test('survives heartbeats, before its first event and in its middle', async () => {
    const [early, late] = [Promise.withResolvers(), Promise.withResolvers()];
    const [first, ...rest] = openai.frames({ text: ['one ', 'two'] });
    gateway.simulator.script({ ...openai.streamOf([gate(early.promise), first, rest[0], gate(late.promise), ...rest.slice(1)]) });
    const run = client.responses.stream({ model: CHAT, input: 'hello' });
    setTimeout(() => early.resolve(undefined), 300);
    run.on('response.output_text.delta', () => setTimeout(() => late.resolve(undefined), 300));
    assert.equal((await run.finalResponse()).output_text, 'one two');
    // And they were there.
    const again = Promise.withResolvers();
    gateway.simulator.script(openai.streamOf([first, rest[0], gate(again.promise), ...rest.slice(1)]));
    const reading = watch(await beginPost(gateway.worker, ROUTE, { model: CHAT, input: 'hello', stream: true }).response);
    await reading.until((text) => text.includes('one ') && /\n\n(: hb\n){2}/.test(text));
    again.resolve(undefined);
    assert.equal(readResponses(await reading.whole()).at(-1)?.response.status, 'completed');
  });

  test('parses structured output, from another vendor too', async () => {
    gateway.simulator.script(gemini.streamOf([
      gemini.response([{ text: '{"a"', thoughtSignature: 'c2ln' }]), gemini.response([{ text: ':1}' }]), gemini.response([], { finishReason: 'STOP' }),
    ]));
    const text = { format: { type: /** @type {const} */ ('json_schema'), name: 'answer', schema: SCHEMA, strict: true } };
    const format = { ...text.format, $brand: 'auto-parseable-response-format', $parseRaw: (/** @type {string} */ raw) => JSON.parse(raw) };
    const parsed = await client.responses.parse({ model: GEMINI, input: 'hello', text: { format: /** @type {any} */ (format) } });
    assert.deepEqual(parsed.output_parsed, { a: 1 });
    assert.deepEqual(asked()[0].generationConfig.responseJsonSchema ?? asked()[0].generationConfig.responseSchema, SCHEMA);
    // The state that came in the middle of the text is not lost by that.
    await client.responses.create({ model: GEMINI, input: [{ role: 'user', content: 'hello' }, ...parsed.output, { role: 'user', content: 'and?' }] });
    assert.deepEqual(asked()[1].contents[1].parts, [{ text: '{"a"' }, { text: '', thoughtSignature: 'c2ln' }, { text: ':1}' }]);
  });

  test('ends at once when the client leaves', async () => {
    gateway.simulator.script(openai.streamOf([...openai.frames({ text: ['one ', 'two'] }).slice(0, 2), silence()]));
    const controller = new AbortController();
    const run = client.responses.stream({ model: CHAT, input: 'hello' }, { signal: controller.signal });
    run.on('response.output_text.delta', () => controller.abort());
    await assert.rejects(run.finalResponse(), OpenAI.APIUserAbortError);
    await gateway.simulator.waitFor(([one]) => one?.outcome === 'aborted');
  });
});

describe('a loop with tools', () => {
  /** Two turns by hand: what the SDK gave goes back as it is. @param {string} model @param {boolean} streamed */
  async function loop(model, streamed) {
    const turns = [{ user: 'hello' }];
    const first = await surface.ask(client, { model, turns, tools: TOOLS, thinking: true }, { stream: streamed });
    const results = first.calls.map(({ id, name }) => ({ id, name, text: 'Rain.' }));
    const second = await surface.ask(client, { model, turns: [...turns, { assistant: first.turn }, { results }], tools: TOOLS, thinking: true }, { stream: streamed });
    assert.equal(second.text, 'fine');
    return first;
  }

  for (const streamed of [true, false]) {
    const how = streamed ? 'streamed' : 'whole';

    test(`brings Anthropic its signature back, ${how}`, async () => {
      gateway.simulator.script(
        anthropic.streamed({ blocks: [{ thinking: ['Hm', '.'], signature: 'c2ln' }, { redacted: 'cmVk' }, { text: ['I look.'] }, { id: 'toolu_1', name: 'look', input: ['{"at":"Oslo"}'] }] }),
        anthropic.streamed({ blocks: [{ text: ['fine'] }] }),
      );
      const first = await loop(CLAUDE, streamed);
      assert.deepEqual([first.reasoning, first.text], ['Hm.', 'I look.']);
      assert.deepEqual(asked()[1].messages.slice(1).map((/** @type {any} */ { content }) => content), [
        [
          { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }, { type: 'redacted_thinking', data: 'cmVk' }, { type: 'text', text: 'I look.' },
          { type: 'tool_use', id: 'toolu_1', name: 'look', input: { at: 'Oslo' } },
        ],
        [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'Rain.' }],
      ]);
    });

    test(`brings Gemini the signature of its call back, ${how}`, async () => {
      gateway.simulator.script(
        gemini.streamed({ thinking: ['Hm'], text: ['I look.'], toolCalls: [{ id: 'a', name: 'look', args: { at: 'Oslo' } }, { id: 'b', name: 'look' }], signature: 'c2ln' }),
        gemini.streamed({ text: ['fine'] }),
      );
      await loop(GEMINI, streamed);
      assert.deepEqual(asked()[1].contents[1].parts, [
        { text: 'I look.' }, { functionCall: { id: 'a', name: 'look', args: { at: 'Oslo' } }, thoughtSignature: 'c2ln' }, { functionCall: { id: 'b', name: 'look', args: {} } },
      ]);
      assert.deepEqual(asked()[1].contents[2].parts.map((/** @type {any} */ part) => part.functionResponse.id), ['a', 'b']);
    });

    test(`brings the vendor itself its encrypted reasoning back, ${how}`, async () => {
      const said = { reasoning: ['Hm', '.'], sealed: 'c2VhbGVk', text: ['I look.'], phase: 'commentary', toolCalls: [{ id: 'call_a', name: 'look', arguments: ['{"at":', '"Oslo"}'] }] };
      const reply = (/** @type {object} */ said) => (streamed ? responses.streamed(said) : responses.whole(said));
      gateway.simulator.script(reply(said), reply({ text: ['fine'] }));
      const { turn } = await loop(OWN, streamed);
      assert.deepEqual(asked().map(({ stream }) => stream ?? false), [streamed, streamed]);
      assert.deepEqual(asked()[1].input.slice(1, -1), JSON.parse(JSON.stringify(turn)), 'as the SDK returns it');
      assert.equal(asked()[1].input[1].encrypted_content, 'c2VhbGVk');
    });
  }

  test('may go from one vendor to another: neither sees the other\'s state', async () => {
    gateway.simulator.script(gemini.streamed({ toolCalls: [{ id: 'a', name: 'look', args: {} }], signature: 'c2ln' }));
    const { turn } = await surface.ask(client, { model: GEMINI, turns: [{ user: 'hello' }], tools: TOOLS }, { stream: true });
    gateway.simulator.clear();
    gateway.simulator.script(responses.streamed({ text: ['fine'] }));
    const turns = [{ user: 'hello' }, { assistant: turn }, { results: [{ id: 'a', name: 'look', text: 'Rain.' }] }];
    assert.equal((await surface.ask(client, { model: OWN, turns, tools: TOOLS }, { stream: true })).text, 'fine');
    assert.deepEqual(asked()[0].input.map((/** @type {any} */ { type, id, role }) => [type ?? role, id]), [['user', undefined], ['function_call', undefined], ['function_call_output', undefined]]);
  });
});

describe('an ending', () => {
  test('by refusal is complete, and has the words', async () => {
    gateway.simulator.script(openai.streamed({ refusal: ['I can', 'not.'] }));
    for (const stream of [true, false]) {
      const { finish, refusal, text } = await surface.ask(client, { model: CHAT, turns: [{ user: 'hello' }] }, { stream });
      assert.deepEqual([finish, refusal, text], ['completed', 'I cannot.', '']);
    }
  });

  test('by a limit or a filter is incomplete', async () => {
    for (const [finish, told] of [['length', 'max_output_tokens'], ['content_filter', 'content_filter']]) {
      gateway.simulator.script(openai.streamed({ text: ['Hel'], finish }));
      for (const stream of [true, false]) {
        const answer = await surface.ask(client, { model: CHAT, turns: [{ user: 'hello' }] }, { stream });
        assert.deepEqual([answer.finish, answer.text], [told, 'Hel']);
      }
    }
  });

  test('by a failure in mid-stream is raised, and the raw events show it', async () => {
    const begun = openai.frames({ text: ['Hel', 'lo'] }).slice(0, 2);
    /** @type {[import('../simulator/wire.mjs').Step[], string, RegExp][]} */
    const failures = [
      [[openai.frame({ error: { message: 'too busy', type: 'overloaded_error' } })], 'overloaded_error', /too busy/],
      [[hangUp()], 'truncated', /broke/],
      [[], 'truncated', /broke off/],
    ];
    for (const [steps, code, words] of failures) {
      gateway.simulator.script(openai.streamOf([...begun, ...steps]));
      const error = await surface.raises(client, { model: CHAT, turns: [{ user: 'hello' }] }, { stream: true });
      assert.deepEqual([error.name, error.code], ['APIError', code]);
      assert.match(error.message, words);
      const iterate = async () => { for await (const { type } of await client.responses.create({ model: CHAT, input: 'hello', stream: true })) assert.notEqual(type, 'response.completed'); };
      await assert.rejects(iterate, words);
      const seen = await events({ model: CHAT });
      const [told, failed] = /** @type {any[]} */ (seen.slice(-2));
      assert.deepEqual([told.type, told.error.code, failed.type, failed.response.status, failed.response.error.code], ['error', code, 'response.failed', 'failed', code]);
      assert.equal(failed.response.output[0].content[0].text, 'Hel');
      assert.ok(failed.response.usage.total_tokens > 0);
    }
  });

  test('by a failure of the vendor\'s own stream goes on with its response and its numbers', async () => {
    gateway.simulator.script(responses.streamOf([...responses.frames({ text: ['Hel', 'lo'] }).slice(0, 5), hangUp()]));
    const seen = await events({ model: OWN });
    assert.deepEqual(seen.slice(-2).map(({ type }) => type), ['error', 'response.failed']);
    assert.equal(seen.at(-1)?.response.id, seen[0].response.id);
  });
});

describe('an error before the answer', () => {
  /** @type {[import('../simulator/wire.mjs').Reply, string, number, string | null][]} */
  const failures = [
    [openai.failed(400, { message: 'odd', type: 'invalid_request_error', param: 'input' }), 'BadRequestError', 400, null],
    [openai.failed(401, { code: 'invalid_api_key' }), 'AuthenticationError', 401, 'invalid_api_key'],
    [openai.failed(404, { code: 'model_not_found' }), 'BadRequestError', 400, 'model_not_found'],
    [openai.failed(429, { code: 'rate_limit_exceeded' }), 'RateLimitError', 429, 'rate_limit_exceeded'],
    [openai.failed(500), 'InternalServerError', 503, 'overloaded'],
    [openai.streamOf([openai.frame({ error: { message: 'busy', type: 'overloaded_error' } })]), 'InternalServerError', 503, 'overloaded_error'],
  ];
  for (const [reply, name, status, code] of failures) {
    test(`is the SDK's ${name} with ${code}`, async () => {
      gateway.simulator.script(reply);
      for (const stream of [true, false]) {
        const error = await surface.raises(client, { model: CHAT, turns: [{ user: 'hello' }] }, { stream });
        assert.deepEqual([error.name, error.status, error.code], [name, status, code], JSON.stringify(error));
      }
    });
  }

  test('names the field, and says what cannot be followed here', async () => {
    for (const [field, value] of /** @type {[string, unknown][]} */ ([['background', true], ['previous_response_id', 'resp_r_7f3a'], ['input', []], ['temperature', 9]])) {
      await assert.rejects(client.responses.create(/** @type {any} */ ({ model: OWN, input: 'hello', [field]: value })), { status: 400, param: field });
    }
    for (const [field, value] of /** @type {[string, unknown][]} */ ([['previous_response_id', 'resp_0d6d'], ['conversation', 'conv_1'], ['prompt', { id: 'pmpt_1' }], ['tools', [{ type: 'web_search' }]]])) {
      await assert.rejects(client.responses.create(/** @type {any} */ ({ model: CLAUDE, input: 'hello', [field]: value })), { status: 400, param: field === 'tools' ? 'tools[0]' : field });
    }
    assert.deepEqual(asked(), []);
  });

  test('is in the vendor\'s form at every address of the vendor\'s', async () => {
    await assert.rejects(client.responses.retrieve('resp_1'), { constructor: OpenAI.NotFoundError, code: 'not_found' });
    await assert.rejects(client.files.list(), OpenAI.NotFoundError);
    const wrong = await get(gateway.worker, ROUTE);
    assert.deepEqual([wrong.status, wrong.json.error.type, wrong.headers.allow], [405, 'invalid_request_error', 'POST']);
    // Elsewhere it is ours.
    assert.equal((await get(gateway.worker, '/api/v1/nothing')).json.error.type, 'not_found');
  });
});

describe('the vendor\'s own API behind it', () => {
  test('gets the client\'s own words, unknown fields included, and its answer arrives undamaged', async () => {
    const [created, ...rest] = responses.frames({ text: ['fine'] });
    const unheard = responses.frame(/** @type {any} */ ({ type: 'response.unheard_of.delta', sequence_number: 99, x: [1, { y: '\u2028é' }] }));
    const sent = [created, unheard, ...rest];
    gateway.simulator.script(responses.streamOf(sent));
    const body = { model: OWN, input: 'hello', stream: true, unheard_of: { a: [1] }, tools: [{ type: 'web_search' }], previous_response_id: 'resp_0d6d', truncation: 'auto' };
    const { text } = await post(gateway.worker, ROUTE, body);
    assert.equal(text, sent.join(''));
    assert.deepEqual(asked()[0], { ...body, model: responses.MODEL });
    gateway.simulator.script(responses.whole({ text: ['fine'] }));
    const whole = await client.responses.create(/** @type {any} */ ({ ...body, stream: false }));
    assert.deepEqual([whole.id, whole.output_text], ['resp_simulated', 'fine']);
  });

  test('is asked again after a failure that came before any of its answer', async () => {
    const [created, started] = responses.frames({});
    const busy = responses.streamOf([created, started, ...responses.failure({ code: 'server_error', message: 'try later' })]);
    gateway.simulator.script(busy, responses.streamed({ text: ['fine'] }));
    assert.equal((await surface.ask(client, { model: OWN, turns: [{ user: 'hello' }] }, { stream: true })).text, 'fine');
    gateway.simulator.script(busy);
    const error = await surface.raises(client, { model: OWN, turns: [{ user: 'hello' }] }, { stream: true });
    assert.deepEqual([error.name, error.status], ['InternalServerError', 503]);
  });

  test('is translated where a server ignores that a stream was asked for', async () => {
    gateway.simulator.script(responses.whole({ reasoning: ['Hm.'], sealed: 'c2VhbGVk', text: ['fine'] }), responses.streamed({ text: ['fine'] }));
    const first = await surface.ask(client, { model: OWN, turns: [{ user: 'hello' }] }, { stream: true });
    assert.deepEqual([first.text, first.reasoning], ['fine', 'Hm.']);
    await surface.ask(client, { model: OWN, turns: [{ user: 'hello' }, { assistant: first.turn }, { user: 'and?' }] }, { stream: true });
    const { id, encrypted_content: sealed } = asked()[1].input[1];
    assert.deepEqual([id, sealed], ['rs_simulated', 'c2VhbGVk'], 'its own item again, under its own id');
  });
});

test('what cannot be said to another vendor is named', async () => {
  gateway.simulator.script(anthropic.streamed({ blocks: [{ text: ['fine'] }] }));
  const response = /** @type {any} */ (await client.responses.create({ model: CLAUDE, input: 'hello', store: true, truncation: 'auto', metadata: { a: 'b' } }));
  assert.deepEqual(response.warnings.map((/** @type {string} */ warning) => warning.split(' ')[0]), ['truncation']);
  assert.deepEqual([response.store, response.metadata], [true, { a: 'b' }]);
  const silent = /** @type {any} */ (await client.responses.create({ model: CLAUDE, input: 'hello' }));
  assert.equal(silent.warnings, undefined);
});

test('an answer too large to be told once more ends as a failure', async () => {
  const piece = 'x'.repeat(900_000);
  gateway.simulator.script(openai.streamOf([...openai.frames({ text: Array.from({ length: 11 }, () => piece) })]));
  const seen = await events({ model: CHAT });
  assert.deepEqual(seen.slice(-2).map(({ type }) => type), ['error', 'response.failed']);
  assert.match(seen.at(-1)?.response.error.message, /larger than 8388608 bytes/);
});

test('Python\'s SDK sees the same', { skip: lacks('openai') }, async () => {
  gateway.simulator.script(replyToPython);
  const seen = await runPython('openai_smoke.py', gateway.worker, 'responses', CLAUDE, GEMINI);
  for (const { types, ...rest } of seen) {
    assert.deepEqual([types[0], types.at(-1)], ['response.created', 'response.completed']);
    assert.deepEqual(rest.calls.map((/** @type {string[]} */ [id, name, args]) => [id, name, JSON.parse(args)]), [['a', 'look', { at: 'Oslo' }]]);
    assert.deepEqual([rest.first, rest.second, rest.parsed, rest.usage > 0], ['I look.', 'fine', 1, true]);
    assert.deepEqual(rest.before.slice(0, 2), ['RateLimitError', 429]);
    for (const [name, , , message] of [rest.helper, rest.raw]) assert.deepEqual([name, message], ['APIError', 'too busy']);
  }
  const again = gateway.simulator.requests.filter(({ body }) => body.includes('Rain.')).map(({ body }) => body);
  assert.deepEqual(again.map((body) => body.includes('c2ln')), [true, true], 'the signatures came back');
});
