// @ts-check
/** `/create`, `/response` and `/history` of a project's app: the router assistant as the streaming chatbot's clients know it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { hangUp, pieces } from '../simulator/wire.mjs';
import { CHAT as OPENAI, toldTo } from './assistants.mjs';
import { begin, exchange, get, post } from './client.mjs';
import { STREAMING_CHATBOT, frames, split } from './earlier.mjs';
import { startGateway } from './gateway.mjs';

const POEM = ['Roses ', 'are ', 'red.'];
/** What breaks a client that splits at `data: `, or at line ends. */
const TEXT = ['a\nb', ' ', '\n\n', 'data: c', 'data:', ' d', '"e" \\', '🌊 é', '\u2028', '\r', '{"type":"delta"}\n\ndata: '];

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway({ DEFAULT_PROVIDER: 'openai', BLOCKED_TERMS: 'forbidden' }); });
after(() => gateway?.stop());
beforeEach(() => gateway.simulator.clear());

const requests = () => gateway.simulator.requests;
let apps = 0;
/** An app that nobody else has, as a path. @param {string} [prefix] */
async function create(prefix = '') {
  apps += 1;
  const { status, headers, text } = await exchange(gateway.worker, `${prefix}/create/demo_project/app-${apps}`);
  assert.deepEqual([status, headers['content-type'], text], [200, 'application/json', `"app-${apps}"`]);
  return `demo_project/app-${apps}`;
}
/** What the model sorts the prompt as, and then says. @param {string} mode @param {string[]} text */
const sorted = (mode, text) => gateway.simulator.script(openai.streamed({ text: [mode] }), openai.streamed({ text }));
/** @param {string} app @param {string} prompt @param {string} [prefix] */
const say = (app, prompt, prefix = '') => post(gateway.worker, `${prefix}/response/${app}`, { prompt });
/** @param {string} app @param {string} [prefix] */
const history = async (app, prefix = '') => (await get(gateway.worker, `${prefix}/history/${app}`)).json;

/** @param {string} content */
const asked = (content) => ({ content, type: 'text', role: 'user' });
/** @param {string} content @param {string} [type] */
const answered = (content, type = 'text') => ({ content, type, role: 'assistant' });
/** @param {object[]} value */
const past = (...value) => ({ type: 'chat_history', value });
/** @param {string} value */
const delta = (value) => ({ type: 'delta', value });

for (const prefix of ['', STREAMING_CHATBOT]) {
  describe(`an app below ${prefix || 'the root'}`, () => {
    test('answers with what was said before and its deltas, to the letter', async () => {
      const app = await create(prefix);
      assert.deepEqual(await history(app, prefix), []);
      sorted('generate_poem', POEM);
      const first = await say(app, 'A poem', prefix);
      assert.equal(first.status, 200, first.text);
      assert.match(String(first.headers['content-type']), /^text\/event-stream/);
      assert.equal(first.headers['cache-control'], 'no-store');
      assert.equal(first.text, frames(past(), ...POEM.map(delta)));
      const items = [asked('A poem'), answered(POEM.join(''))];
      const { text } = await get(gateway.worker, `${prefix}/history/${app}`);
      assert.equal(text, JSON.stringify(items), 'and is asked for with its fields in their order');
      sorted('generate_code', ['print(', '1)']);
      assert.equal((await say(app, 'Some code', prefix)).text, frames(past(...items), delta('print('), delta('1)')));
      assert.deepEqual(await history(app, prefix), [...items, asked('Some code'), answered('print(1)', 'code')]);
      assert.deepEqual(toldTo(OPENAI, requests()[3]), [['user', 'A poem'], ['assistant', POEM.join('')], ['user', 'Some code']]);
    });
  });
}

describe('an app', () => {
  test('can be read by a client that splits at every `data: `, whatever is said', async () => {
    const app = await create();
    gateway.simulator.script(openai.streamed({ text: ['answer_question'] }), openai.streamOf(pieces(openai.frames({ text: TEXT }).join(''), 17)));
    const prompt = 'data: {"type":"delta","value":"mine"}\n\ndata: ';
    const { text } = await say(app, prompt);
    assert.deepEqual(split(text), [past(), ...TEXT.map(delta)]);
    const next = await say(app, 'forbidden');
    assert.deepEqual(split(next.text)[0], past(asked(prompt), answered(TEXT.join(''))));
    assert.doesNotMatch(text + next.text, /[\r\u2028]/);
  });

  test('has whole frames in every piece of its stream', async () => {
    const app = await create();
    sorted('answer_question', ['é🌊', '東京']);
    const { response } = begin(gateway.worker, `/response/${app}`, { headers: { 'content-type': 'application/json' }, body: '{"prompt":"hello"}' });
    const got = [];
    for await (const piece of await response) got.push(...split(new TextDecoder('utf-8', { fatal: true }).decode(piece)));
    assert.deepEqual(got, [past(), delta('é🌊'), delta('東京')]);
  });

  test('refuses what is blocked, and asks for more where it does not understand, word by word', async () => {
    const app = await create();
    const [first, ...refusal] = split((await say(app, 'FORBIDDEN!')).text);
    assert.deepEqual([first, requests().length], [past(), 0]);
    sorted('unknown', []);
    const [, ...more] = split((await say(app, 'asdf')).text);
    assert.equal(requests().length, 1);
    const words = [];
    for (const deltas of [refusal, more]) {
      assert.ok(deltas.length > 5 && deltas.every(({ type }) => type === 'delta'));
      words.push(deltas.map(({ value }) => value).join(''));
    }
    const all = await history(app);
    assert.deepEqual(all.map((/** @type {any} */ { content, role }) => [role, content]), [['user', 'FORBIDDEN!'], ['assistant', words[0]], ['user', 'asdf'], ['assistant', words[1]]]);
    for (const { type } of all) assert.match(type, /^(text|error)$/);
  });

  test('tells what goes wrong, before anything is said and after it, and then nothing more', async () => {
    const app = await create();
    gateway.simulator.script(openai.failed(503));
    const [first, error, ...rest] = split((await say(app, 'hello')).text);
    assert.deepEqual([first, error, rest], [past(), { type: 'error', value: 'AI service unavailable' }, []]);
    gateway.simulator.script(openai.streamed({ text: ['generate_poem'] }), openai.streamOf([...openai.frames({ text: POEM }).slice(0, 2), hangUp()]));
    const { status, text } = await say(app, 'A poem');
    const [, said, cut, ...more] = split(text);
    assert.deepEqual([status, said, Object.keys(cut), cut.type, more], [200, delta('Roses '), ['type', 'value'], 'error', []]);
    assert.ok(typeof cut.value === 'string' && cut.value.length > 5);
    sorted('generate_poem', POEM);
    assert.deepEqual(split((await say(app, 'again')).text).slice(1), POEM.map(delta), 'it goes on');
  });

  test('is its project\'s own', async () => {
    apps += 1;
    const [one, other] = [`p1/same-${apps}`, `p2/same-${apps}`];
    for (const app of [one, other]) assert.equal((await exchange(gateway.worker, `/create/${app}`)).text, `"same-${apps}"`);
    sorted('generate_poem', POEM);
    await say(one, 'A poem');
    assert.deepEqual([(await history(one)).length, await history(other)], [2, []]);
    const stranger = { cookie: `tributary=${'a'.repeat(30)}` };
    const { status, json } = await get(gateway.worker, `/history/${one}`, stranger);
    assert.ok(status === 404 || (status === 200 && json.length === 0), 'and its caller\'s');
  });

  test('needs a prompt', async () => {
    const app = await create();
    for (const body of ['{', '[]', {}, { prompt: 7 }, { prompt: '' }, { prompt: null }]) {
      const { status, json } = await post(gateway.worker, `/response/${app}`, body);
      assert.deepEqual([status, typeof json], [422, 'object'], JSON.stringify(body));
    }
    assert.deepEqual([requests().length, await history(app)], [0, []]);
  });

  test('has a name that an address can carry', async () => {
    const name = encodeURIComponent('über app/1');
    const { status, text } = await exchange(gateway.worker, `/create/demo_project/${name}`);
    assert.deepEqual([status, text], [200, '"über app/1"']);
    sorted('generate_poem', POEM);
    assert.deepEqual(split((await say(`demo_project/${name}`, 'A poem')).text).slice(1), POEM.map(delta));
    assert.equal((await history(`demo_project/${name}`)).length, 2);
  });
});
