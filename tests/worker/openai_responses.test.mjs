// @ts-check
/** OpenAI Responses behind the unified stream: its events in, our frames out, its own state back to it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as responses from '../simulator/formats/openai_responses.mjs';
import { hangUp, silence } from '../simulator/wire.mjs';
import { CHAT, STREAM, get, post, stream } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { OPENAI_KEY, startGateway } from './gateway.mjs';

const USER = { role: 'user', content: 'hello' };
const ASK = { provider: 'openai-responses', model: responses.MODEL, messages: [USER] };
const FINE = responses.streamed({ text: ['fine'] });
const INCLUDE = ['reasoning.encrypted_content'];

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway({ IDLE_TIMEOUT_SECONDS: '1', THINKING_TIMEOUT_SECONDS: '1' }); });
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

const requests = () => gateway.simulator.requests;

describe('an answer', () => {
  test('is streamed on with its thinking, its text and its usage', async () => {
    gateway.simulator.script(responses.streamed({ reasoning: ['Hm', '.'], text: ['Hel', 'lo'] }));
    const { content, reasoning, finish, rawFinish, usage, chunks } = await stream(gateway.worker, ASK);
    assert.deepEqual([content, reasoning, finish, rawFinish], ['Hello', 'Hm.', 'stop', 'completed']);
    assert.deepEqual(usage, { input_tokens: 9, output_tokens: 12, total_tokens: 21, cached_tokens: 4, reasoning_tokens: 5 });
    assert.deepEqual(chunks.map(({ content }) => content).filter(Boolean), ['Hel', 'lo']);
    assert.ok(chunks.every(({ provider, model }) => provider === 'openai-responses' && model === responses.MODEL));
  });

  test('may be asked for whole', async () => {
    gateway.simulator.script(responses.streamed({ reasoning: ['Hm.'], sealed: 'c2VhbGVk', text: ['Hel', 'lo'] }));
    const { json } = await post(gateway.worker, CHAT, ASK);
    assert.deepEqual([json.content, json.reasoning, json.finish_reason, json.usage.output_tokens], ['Hello', 'Hm.', 'stop', 12]);
    assert.equal(json.opaque[0].data.encrypted_content, 'c2VhbGVk');
  });

  test('may come whole from a server that does not stream', async () => {
    gateway.simulator.script(responses.whole({ reasoning: ['Hm.'], text: ['Hello'], toolCalls: [{ id: 'call_a', name: 'look', arguments: '{}' }] }));
    const { content, reasoning, toolCalls, finish, usage } = await stream(gateway.worker, ASK);
    assert.deepEqual([content, reasoning, toolCalls[0].id, finish, usage.total_tokens], ['Hello', 'Hm.', 'call_a', 'tool_calls', 21]);
  });

  test('may call several tools', async () => {
    const toolCalls = [{ id: 'call_a', name: 'look', arguments: ['{"at":', '"Oslo"}'] }, { id: 'call_b', name: 'stop', arguments: '' }];
    gateway.simulator.script(responses.streamed({ text: ['I look.'], toolCalls }));
    const ended = await stream(gateway.worker, ASK);
    assert.deepEqual([ended.content, ended.finish], ['I look.', 'tool_calls']);
    assert.deepEqual(ended.toolCalls.map(({ id, function: call }) => [id, call.name, call.arguments]), [['call_a', 'look', '{"at":"Oslo"}'], ['call_b', 'stop', '{}']]);
  });

  test('may be a refusal, or cut by a limit', async () => {
    gateway.simulator.script(responses.streamed({ refusal: ['I can', 'not.'] }), responses.streamed({ text: ['Hel'], incomplete: 'max_output_tokens' }));
    const { refusal, finish } = await stream(gateway.worker, ASK);
    assert.deepEqual([refusal, finish], ['I cannot.', 'refusal']);
    const cut = await stream(gateway.worker, ASK);
    assert.deepEqual([cut.content, cut.finish, cut.rawFinish], ['Hel', 'length', 'max_output_tokens']);
  });

  test('that the content filter withheld is an error', async () => {
    gateway.simulator.script(responses.streamed({ text: ['Hel'], incomplete: 'content_filter' }));
    assertFailed(await stream(gateway.worker, ASK), 'content_filter');
  });

  test('is not disturbed by comments and events that keep the connection alive', async () => {
    const [created, ...rest] = responses.frames({ text: ['fine'] });
    gateway.simulator.script(responses.streamOf([': keepalive\n\n', created, responses.KEEPALIVE, ...rest]));
    assert.equal((await stream(gateway.worker, ASK)).content, 'fine');
  });
});

describe('a request', () => {
  test('goes to its own path with the service\'s key, and asks for a stream that is not stored', async () => {
    gateway.simulator.script(FINE);
    await stream(gateway.worker, ASK);
    const [{ method, path, json, headers }] = requests();
    assert.deepEqual([method, path, headers.authorization], ['POST', '/v1/responses', `Bearer ${OPENAI_KEY}`]);
    assert.match(String(headers['content-type']), /^application\/json/);
    const input = [{ role: 'user', content: [{ type: 'input_text', text: 'hello' }] }];
    assert.deepEqual(json, { model: responses.MODEL, input, stream: true, store: false, include: INCLUDE });
  });

  test('has every option in the vendor\'s form, and names what there is no form for', async () => {
    gateway.simulator.script(FINE);
    const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }];
    const { warnings } = await stream(gateway.worker, {
      ...ASK,
      model: 'gpt-4o',
      messages: [{ role: 'system', content: 'Be brief.' }, USER],
      temperature: 0.5, top_p: 0.25, max_tokens: 77, stop: 'x', seed: 1, tools, tool_choice: 'required',
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } },
    });
    assert.deepEqual(requests()[0].json, {
      model: 'gpt-4o',
      instructions: 'Be brief.',
      input: [{ role: 'user', content: [{ type: 'input_text', text: 'hello' }] }],
      stream: true,
      store: false,
      temperature: 0.5,
      top_p: 0.25,
      max_output_tokens: 77,
      tools: [{ type: 'function', name: 'look', parameters: { type: 'object', properties: {} }, strict: false }],
      tool_choice: 'required',
      text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' } } },
    });
    assert.deepEqual(warnings.map((warning) => warning.split(' ')[0]), ['stop', 'seed']);
  });

  test('names it by its prefix, while a bare model name means the other API of the same service', async () => {
    gateway.simulator.script(FINE);
    await stream(gateway.worker, { messages: [USER], model: 'openai-responses/gpt-6-luna' });
    assert.deepEqual([requests()[0].path, requests()[0].json.model], ['/v1/responses', 'gpt-6-luna']);
    gateway.simulator.clear();
    await post(gateway.worker, STREAM, { messages: [USER], model: 'gpt-6-luna' });
    assert.equal(requests()[0].path, '/v1/chat/completions');
    const { json } = await get(gateway.worker, '/api/v1/providers');
    const listed = json.providers.find((/** @type {any} */ one) => one.name === 'openai-responses');
    assert.deepEqual([listed.dialect, listed.configured, listed.default_model], ['openai-responses', true, 'gpt-6-luna']);
  });
});

describe('a second turn', () => {
  /** What a client of the stream sends back. @param {import('./sse.mjs').Stream} ended */
  const turn = ({ content, reasoning, toolCalls, opaque }) => ({ role: 'assistant', content, reasoning, tool_calls: toolCalls, opaque });
  const RESULT = { role: 'tool', tool_call_id: 'call_a', content: 'Rain.' };
  const SAID = { reasoning: ['Hm', '.'], sealed: 'c2VhbGVk', text: ['I look.'], phase: 'commentary', toolCalls: [{ id: 'call_a', name: 'look', arguments: ['{"at":', '"Oslo"}'] }] };
  const SEALED = { type: 'reasoning', id: 'rs_simulated', summary: [{ type: 'summary_text', text: 'Hm.' }], encrypted_content: 'c2VhbGVk' };
  const CALLED = [
    { type: 'function_call', call_id: 'call_a', name: 'look', arguments: '{"at":"Oslo"}' },
    { type: 'function_call_output', call_id: 'call_a', output: 'Rain.' },
  ];
  const MESSAGE = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }], phase: 'commentary' };
  const HELLO = { role: 'user', content: [{ type: 'input_text', text: 'hello' }] };

  test('carries sealed reasoning, the phase and the calls back unchanged, in their order', async () => {
    gateway.simulator.script(responses.streamed(SAID), FINE);
    const first = await stream(gateway.worker, { ...ASK, thinking: true });
    assert.deepEqual(requests()[0].json.reasoning, { effort: 'medium', summary: 'auto' });
    const second = await stream(gateway.worker, { ...ASK, thinking: true, messages: [USER, turn(first), RESULT] });
    assert.deepEqual([second.content, second.warnings], ['fine', []]);
    assert.deepEqual(requests()[1].json.input, [HELLO, SEALED, MESSAGE, ...CALLED]);
    assert.deepEqual(requests()[1].json.include, INCLUDE);
  });

  test('works with reasoning that the provider can no longer open: it is left out, and said so', async () => {
    const refused = responses.failed(400, { message: 'The encrypted content gAAA...w== could not be verified.', code: 'invalid_encrypted_content' });
    gateway.simulator.script(responses.streamed(SAID), refused, FINE);
    const first = await stream(gateway.worker, ASK);
    const second = await stream(gateway.worker, { ...ASK, messages: [USER, turn(first), RESULT] });
    assert.equal(second.content, 'fine');
    assert.match(second.warnings.join(), /the reasoning of earlier answers was left out/);
    assert.deepEqual(requests()[2].json.input, [HELLO, MESSAGE, ...CALLED]);
  });

  test('works for an account that gets no summaries of thinking', async () => {
    gateway.simulator.script(responses.failed(400, { message: 'Your organization must be verified', param: 'reasoning.summary', code: 'unsupported_value' }), FINE);
    const { content, warnings } = await stream(gateway.worker, { ...ASK, thinking: true });
    assert.equal(content, 'fine');
    assert.match(warnings.join(), /reasoning.summary was left out/);
    assert.deepEqual(requests()[1].json.reasoning, { effort: 'medium' });
  });

  test('works after the vendor\'s own stream went to a client of another provider', async () => {
    gateway.simulator.script(responses.streamed(SAID));
    const first = await stream(gateway.worker, ASK);
    gateway.simulator.clear();
    const { warnings } = await stream(gateway.worker, { provider: 'ollama', model: 'm', messages: [USER, turn(first), RESULT] });
    assert.deepEqual(warnings, []);
    assert.doesNotMatch(requests()[0].body, /c2VhbGVk|commentary/);
  });
});

describe('a failure', () => {
  /** @type {[status: number, error: object, told: number, type: string, attempts: number][]} */
  const statuses = [
    [400, { message: 'too odd', param: 'input' }, 422, 'invalid_request', 1],
    [400, { code: 'model_not_found', param: 'model' }, 400, 'model_not_supported', 1],
    [401, { code: 'invalid_api_key' }, 401, 'provider_auth_error', 1],
    [403, {}, 403, 'permission_denied', 1],
    [404, {}, 404, 'not_found', 1],
    [429, { code: 'insufficient_quota' }, 429, 'rate_limited', 1],
    [429, { code: 'rate_limit_exceeded' }, 429, 'rate_limited', 3],
    [500, { type: 'server_error' }, 503, 'overloaded', 3],
    [503, { type: 'server_error' }, 503, 'overloaded', 3],
  ];
  for (const [status, error, told, type, attempts] of statuses) {
    test(`${status} ${JSON.stringify(error)} is ${type}, after ${attempts} attempts`, async () => {
      gateway.simulator.script(responses.failed(status, error));
      for (const route of [STREAM, CHAT]) {
        gateway.simulator.requests.length = 0;
        assert.equal(assertError(await post(gateway.worker, route, ASK), told, type).provider, 'openai-responses');
        assert.equal(requests().length, attempts);
      }
    });
  }

  test('is tried again when the provider says', async () => {
    gateway.simulator.script(responses.failed(429, { code: 'rate_limit_exceeded' }, { 'retry-after-ms': '300' }), FINE);
    assert.equal((await stream(gateway.worker, ASK)).content, 'fine');
    const [first, second] = requests();
    assert.ok(second.at - first.at >= 295, `tried again after ${second.at - first.at} ms`);
  });

  test('that is the first event is tried again, and nothing is lost', async () => {
    const [created] = responses.frames({});
    const busy = responses.failure({ code: 'server_error', message: 'try later' });
    gateway.simulator.script(responses.streamOf([created, ...busy]), FINE);
    assert.equal((await stream(gateway.worker, ASK)).content, 'fine');
    assert.equal(requests().length, 2);
  });

  test('in mid-stream is one error, and the text before it is kept', async () => {
    const begun = responses.frames({ text: ['Hel', 'lo'] }).slice(0, 5);
    gateway.simulator.script(responses.streamOf([...begun, ...responses.failure({ code: 'rate_limit_exceeded', message: 'slow down' })]));
    const ended = await stream(gateway.worker, ASK);
    assert.equal(ended.content, 'Hel');
    assert.match(assertFailed(ended, 'rate_limited').message, /slow down/);
    assert.equal(requests().length, 1);
  });

  test('is truncation when the body ends without a terminal event, though every item was done', async () => {
    const sent = responses.frames({ text: ['Hel', 'lo'] }).slice(0, -1);
    for (const steps of [[...sent], [...sent, hangUp()], [...sent, 'data: [DONE]\n\n']]) {
      gateway.simulator.script(responses.streamOf(steps));
      const ended = await stream(gateway.worker, ASK);
      assert.equal(ended.content, 'Hello');
      assertFailed(ended, 'truncated');
    }
  });

  test('is a timeout when the provider stalls', async () => {
    gateway.simulator.script(responses.streamOf([...responses.frames({ text: ['Hel', 'lo'] }).slice(0, 5), silence()]));
    const ended = await stream(gateway.worker, ASK);
    assert.equal(ended.content, 'Hel');
    assertFailed(ended, 'timeout');
    const [request] = await gateway.simulator.waitFor(([one]) => one.outcome !== 'open');
    assert.equal(request.outcome, 'aborted');
  });

  test('never shows the key', async () => {
    const words = `Incorrect API key provided: ${OPENAI_KEY}`;
    const replies = [
      responses.failed(401, { message: words }),
      responses.failed(400, { message: words }),
      responses.streamOf([...responses.frames({ text: ['so'] }).slice(0, 5), ...responses.failure({ code: 'server_error', message: words })]),
    ];
    for (const reply of replies) {
      gateway.simulator.script(reply);
      const answer = await post(gateway.worker, STREAM, ASK);
      assert.ok(!answer.text.includes(OPENAI_KEY), answer.text);
    }
    assert.ok(requests().every(({ path, headers }) => !path.includes(OPENAI_KEY) && headers.authorization === `Bearer ${OPENAI_KEY}`));
    assert.ok(!gateway.worker.logs().join('\n').includes(OPENAI_KEY));
  });
});
