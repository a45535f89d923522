// @ts-check
/** Routes that earlier services' clients expect: one prompt, one answer, in each service's own shape. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as ollama from '../simulator/formats/ollama.mjs';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { hangUp, pieces, silence } from '../simulator/wire.mjs';
import { beginPost, exchange, post, watch } from './client.mjs';
import { ROUTES, call, frames, split } from './earlier.mjs';
import { CALLER_KEY, OPENAI_KEY, startGateway } from './gateway.mjs';
import { heard, user } from './sessions.mjs';
import { parse } from './sse.mjs';

const TO_OPENAI = { provider: 'openai', model: openai.MODEL };
const SSE = { accept: 'text/event-stream' };
const END = 'event: end\ndata: \n\n';
const STREAM_ERROR = 'data: {"error":"stream_error"}\n\n';
/** What breaks clients that are careless with text. */
const TEXT = ['a\nb', ' ', '\n', '  c', '\n\n', '', 'd "e" \\', '🌊 é\t', '\u2028', ':', '</script>', '\r\nf\rg', 'data: h', 'event: end\ndata: \n\n', '\u0000'];

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway({ DEFAULT_PROVIDER: 'openai' }); });
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(openai.answering({ text: ['fi', 'ne'] }));
});

const requests = () => gateway.simulator.requests;
/** An answer that breaks off behind its first word. */
const cut = () => openai.streamOf([...openai.frames({ text: ['one ', 'two'] }).slice(0, 2), hangUp()]);
/** @param {import('./client.mjs').Answer} answer */
function assertStream({ status, headers, text }) {
  assert.equal(status, 200, text);
  assert.match(String(headers['content-type']), /^text\/event-stream(; charset=utf-8)?$/);
  assert.equal(headers['cache-control'], 'no-store');
}

describe('POST /chat', () => {
  const ask = { messages: [user('hello')], ...TO_OPENAI };
  /** The data lines of a delta, by its line breaks. @param {string} delta */
  const completion = (delta) => `event: completion\n${delta.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`).join('')}\n`;

  test('is one object, to the letter', async () => {
    const { status, headers, text } = await post(gateway.worker, '/chat', ask);
    assert.deepEqual([status, headers['content-type'], text], [200, 'application/json', `{"text":"fine","model":"${openai.MODEL}"}`]);
    assert.deepEqual([requests()[0].json.temperature, heard(requests()[0])], [0.7, [['user', 'hello']]]);
    await post(gateway.worker, '/chat', { ...ask, stream: false, temperature: 0, system: 'Be brief.', messages: [user('hello'), { role: 'assistant', content: 'hi' }, user('and?')] });
    assert.deepEqual([requests()[1].json.temperature, heard(requests()[1])], [0, [['developer', 'Be brief.'], ['user', 'hello'], ['assistant', 'hi'], ['user', 'and?']]]);
  });

  test('streams its deltas and an end, for whoever accepts or asks for that', async () => {
    const expected = `${completion('fi')}${completion('ne')}${END}`;
    for (const [body, headers] of /** @type {[object, Record<string, string>][]} */ ([[ask, SSE], [{ ...ask, stream: true }, {}], [{ ...ask, stream: true }, SSE], [ask, { accept: 'application/json;q=0.5, text/event-stream' }]])) {
      const answer = await post(gateway.worker, '/chat', body, headers);
      assertStream(answer);
      assert.equal(answer.text, expected);
    }
    const { text } = await post(gateway.worker, '/chat', ask, { accept: '*/*' });
    assert.match(text, /^\{"text"/);
  });

  test('keeps every delta as it is, but for the kind of its line breaks', async () => {
    const said = TEXT.filter((delta) => delta !== '' && delta !== '\u0000');
    gateway.simulator.script(openai.streamed({ text: said }));
    const { text } = await post(gateway.worker, '/chat', ask, SSE);
    assert.equal(text, `${said.map(completion).join('')}${END}`);
    const events = parse(text).map(({ event, data }) => [event, data]);
    assert.deepEqual(events, [...said.map((delta) => ['completion', delta.replaceAll(/\r\n|\r/g, '\n')]), ['end', '']]);
  });

  test('tells only what is said, refusals too', async () => {
    gateway.simulator.script(openai.streamed({ reasoning: ['hm'], refusal: ['I ', 'will not.'] }));
    assert.equal((await post(gateway.worker, '/chat', ask, SSE)).text, `${completion('I ')}${completion('will not.')}${END}`);
    assert.equal((await post(gateway.worker, '/chat', ask)).json.text, 'I will not.');
  });

  test('tells what is wrong by its status, before the first word', async () => {
    const wrong = [['{', 422], [{}, 422], [{ messages: [] }, 422], [{ messages: 'x' }, 422], [{ ...ask, temperature: 9 }, 422], [{ ...ask, system: 7 }, 422], [{ ...ask, stream: 'x' }, 422],
      [{ ...ask, provider: 'nobody' }, 400]];
    for (const headers of [{}, SSE]) {
      for (const [body, expected] of wrong) {
        const { status, headers: given, json } = await post(gateway.worker, '/chat', body, headers);
        assert.deepEqual([status, Object.keys(json), json.status_code, given['content-type']], [expected, ['status_code', 'detail'], expected, 'application/json'], JSON.stringify(body));
        assert.ok(json.detail.length > 5);
      }
      assert.equal(requests().length, 0);
      gateway.simulator.script(openai.failed(401, { code: 'invalid_api_key', message: `wrong key ${OPENAI_KEY}` }));
      const refused = await post(gateway.worker, '/chat', ask, headers);
      assert.deepEqual([refused.status, refused.json.status_code, refused.text.includes(OPENAI_KEY)], [401, 401, false]);
      gateway.simulator.script(openai.failed(503));
      const down = await post(gateway.worker, '/chat', ask, headers);
      assert.deepEqual([down.status, down.text], [503, '{"status_code":503,"detail":"AI service unavailable"}']);
      requests().length = 0;
    }
  });

  test('tells in its stream what goes wrong later, and then nothing more', async () => {
    gateway.simulator.script(cut());
    const answer = await post(gateway.worker, '/chat', ask, SSE);
    assertStream(answer);
    const [first, { event, data }, ...rest] = parse(answer.text);
    assert.deepEqual([first.data, event, rest], ['one ', 'error', []]);
    const { status_code: status, detail, ...more } = JSON.parse(data);
    assert.deepEqual([status >= 500, detail.length > 5, more], [true, true, {}]);
    gateway.simulator.script(cut());
    const whole = await post(gateway.worker, '/chat', ask);
    assert.deepEqual([whole.status >= 500, Object.keys(whole.json)], [true, ['status_code', 'detail']]);
  });

  test('ends the provider\'s answer when its client leaves', async () => {
    gateway.simulator.script(openai.streamOf([...openai.frames({ text: ['one ', 'two'] }).slice(0, 2), silence()]));
    const client = beginPost(gateway.worker, '/chat', ask, SSE);
    await watch(await client.response).until((text) => text.includes('one '));
    client.leave();
    await gateway.simulator.waitFor(([request]) => request.outcome === 'aborted');
  });
});

describe('POST /stream', () => {
  const ask = { prompt: 'hello', model: `openai/${openai.MODEL}` };

  test('is frames of content, and a last one that says so', async () => {
    const answer = await post(gateway.worker, '/stream', ask);
    assertStream(answer);
    assert.equal(answer.text, 'data: {"content":"fi"}\n\ndata: {"content":"ne"}\n\ndata: {"done":true}\n\n');
    assert.deepEqual([requests()[0].json.model, heard(requests()[0])], [openai.MODEL, [['user', 'hello']]]);
    assert.equal((await post(gateway.worker, '/stream', { prompt: 'hello' })).text, answer.text, 'without a model, the usual one');
  });

  test('can be split by the simplest of clients, whatever is said', async () => {
    const said = TEXT.filter((delta) => delta !== '');
    const bytes = openai.frames({ text: said }).join('');
    gateway.simulator.script(openai.streamOf(pieces(bytes, 13)));
    const { text } = await post(gateway.worker, '/stream', ask);
    assert.deepEqual(split(text), [...said.map((content) => ({ content })), { done: true }]);
    assert.doesNotMatch(text, /[\r\u2028]/);
  });

  test('ends in one error, whenever that comes', async () => {
    gateway.simulator.script(cut());
    assert.equal((await post(gateway.worker, '/stream', ask)).text, `data: {"content":"one "}\n\n${STREAM_ERROR}`);
    gateway.simulator.script(openai.failed(503));
    assert.equal((await post(gateway.worker, '/stream', ask)).text, STREAM_ERROR);
  });

  test('is refused without a prompt', async () => {
    for (const body of ['{', {}, { prompt: '' }, { prompt: 7 }, { prompt: null }, { ...ask, model: 7 }]) {
      const { status, json } = await post(gateway.worker, '/stream', body);
      assert.deepEqual([status, typeof json], [422, 'object'], JSON.stringify(body));
    }
    assert.equal((await post(gateway.worker, '/stream', { ...ask, model: 'nobody/x' })).status, 400);
    assert.equal(requests().length, 0);
  });
});

describe('POST /safe', () => {
  const SAFE = `/safe?prompt=${encodeURIComponent('is 1 + 1 = 2 & é🌊?')}`;

  test('is one response, after as many tries as it takes', async () => {
    gateway.simulator.script(openai.failed(500), openai.failed(503), openai.answering({ text: ['fi', 'ne'] }));
    const { status, headers, text } = await exchange(gateway.worker, SAFE);
    assert.deepEqual([status, headers['content-type'], text], [200, 'application/json', '{"response":"fine"}']);
    assert.deepEqual(requests().map(heard), Array(3).fill([['user', 'is 1 + 1 = 2 & é🌊?']]));
  });

  test('says that there is no service when they are spent', async () => {
    gateway.simulator.script(openai.failed(503));
    const { status, text } = await exchange(gateway.worker, SAFE);
    assert.deepEqual([status, text, requests().length], [503, '{"detail":"AI service unavailable"}', 3]);
  });
});

describe('the local model', () => {
  const query = `model=${encodeURIComponent(ollama.MODEL)}&prompt=${encodeURIComponent('what & why? é🌊')}`;
  beforeEach(() => gateway.simulator.script(ollama.streamed({ text: ['fi', 'ne\n🌊'] })));

  test('answers whole', async () => {
    const { status, headers, text } = await exchange(gateway.worker, `/local-chat?${query}`);
    assert.deepEqual([status, headers['content-type'], text], [200, 'application/json', '{"response":"fine\\n🌊"}']);
    const [{ json }] = requests();
    assert.deepEqual([json.model, json.messages], [ollama.MODEL, [{ role: 'user', content: 'what & why? é🌊' }]]);
  });

  test('streams lines as Ollama does', async () => {
    const { status, headers, text } = await exchange(gateway.worker, `/local-stream?${query}`);
    assert.deepEqual([status, headers['content-type']], [200, 'application/x-ndjson']);
    const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ model, response, done }) => [model, response, done]), [[ollama.MODEL, 'fi', false], [ollama.MODEL, 'ne\n🌊', false], [ollama.MODEL, '', true]]);
    for (const { created_at: at } of lines) assert.ok(!Number.isNaN(Date.parse(at)), at);
  });

  test('is told by its status when it does not answer', async () => {
    gateway.simulator.script(ollama.failed(404, 'model not found'));
    for (const path of ['/local-chat', '/local-stream']) {
      const { status, json } = await exchange(gateway.worker, `${path}?${query}`);
      assert.ok(status >= 400 && typeof json === 'object', `${path}: ${status}`);
    }
  });
});

describe('POST /rag', () => {
  const QUERY = '/rag?query=When+was+the+lighthouse+built%3F';
  before(async () => {
    const documents = [{ id: 'light', text: 'The lighthouse of Alnes was built in 1853.' }, { id: 'bread', text: 'Bread wants flour, water, salt and time.' }];
    for (const name of ['default', 'other']) {
      const { status, text } = await post(gateway.worker, `/api/v1/collections/${name}/documents`, { documents: documents.slice(0, name === 'other' ? 1 : 2) });
      assert.equal(status, 201, text);
    }
  });

  test('is the messages with what was found, and asks nobody', async () => {
    for (const path of [QUERY, `${QUERY}&top_k=1`, `${QUERY}&collection=other`]) {
      const { status, json } = await post(gateway.worker, path, {});
      assert.deepEqual([status, Object.keys(json), json.messages.length], [200, ['messages'], 2]);
      const [system, asked] = json.messages;
      assert.deepEqual([Object.keys(system), system.role, asked], [['role', 'content'], 'system', { role: 'user', content: 'When was the lighthouse built?' }]);
      assert.ok(system.content.includes('built in 1853'));
    }
    assert.equal(requests().length, 0);
  });

  test('is the answer, for whoever asks for that', async () => {
    const answer = await post(gateway.worker, QUERY, { answer: true });
    assertStream(answer);
    assert.equal(answer.text, frames({ content: 'fi' }, { content: 'ne' }, { done: true }));
    assert.ok(requests()[0].body.includes('built in 1853'));
    gateway.simulator.script(cut());
    assert.equal((await post(gateway.worker, QUERY, { answer: true })).text, `${frames({ content: 'one ' })}${STREAM_ERROR}`);
  });

  test('is refused where the question, or a number, makes no sense', async () => {
    for (const path of ['/rag', '/rag?query=', `${QUERY}&top_k=0`, `${QUERY}&top_k=51`, `${QUERY}&top_k=x`]) assert.equal((await post(gateway.worker, path, {})).status, 422, path);
    assert.equal((await post(gateway.worker, QUERY, { answer: 'yes' })).status, 422);
  });
});

describe('every earlier route', () => {
  test('has its method', async () => {
    for (const [method, path] of ROUTES) {
      for (const other of ['GET', 'POST', 'DELETE', 'PUT'].filter((one) => one !== method)) {
        const { status, headers, text } = await call(gateway.worker, [other, path]);
        assert.equal(status, 405, `${other} ${path}: ${text}`);
        assert.ok(String(headers.allow).includes(method), `${path}: ${headers.allow}`);
      }
    }
  });

  test('needs what it asks for', async () => {
    for (const path of ['/local-chat?model=m', '/local-chat?model=m&prompt=', '/local-stream?model=m', '/safe', '/safe?prompt=']) {
      assert.equal((await exchange(gateway.worker, path)).status, 422, path);
    }
    assert.equal(requests().length, 0);
  });

  test('is not for pages from elsewhere, whether they say so or their browser does', async () => {
    for (const headers of /** @type {Record<string, string>[]} */ ([{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])) {
      for (const route of ROUTES) assert.equal((await call(gateway.worker, route, headers)).status, 403, `${route[0]} ${route[1]} ${JSON.stringify(headers)}`);
    }
    assert.equal(requests().length, 0);
  });

  test('asks for the gateway\'s key where there is one', async () => {
    const locked = await startGateway({ GATEWAY_KEYS: JSON.stringify({ plain: CALLER_KEY }), DEFAULT_PROVIDER: 'openai' });
    try {
      for (const route of ROUTES) assert.equal((await call(locked.worker, route)).status, 401, `${route[0]} ${route[1]}`);
      assert.equal(locked.simulator.requests.length, 0);
      locked.simulator.script(openai.answering({ text: ['fi', 'ne'] }));
      const { status, text } = await call(locked.worker, ROUTES[1], { authorization: `Bearer ${CALLER_KEY}` });
      assert.deepEqual([status, split(text).at(-1)], [200, { done: true }]);
    } finally {
      await locked.stop();
    }
  });
});
