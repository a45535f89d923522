// @ts-check
/** What is banned never leaves, at whatever place it is cut, in whatever language; and nothing else is touched. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { silence } from '../simulator/wire.mjs';
import { CHAT, STREAM, beginPost, get, post, stream, watch } from './client.mjs';
import { assertError, assertFailed } from './expect.mjs';
import { startGateway } from './gateway.mjs';
import { startWorker } from './harness.mjs';
import { PROVIDERS, vars } from './matrix/providers.mjs';
import { asked, conversation, createSession } from './sessions.mjs';

/** @type {any[]} */
const surfaces = await Promise.all(readdirSync(new URL('surfaces', import.meta.url)).filter((name) => name.endsWith('.mjs')).sort()
  .map(async (name) => (await import(`./surfaces/${name}`)).surface));

const MODEL = `openai/${openai.MODEL}`;
const ASK = { model: MODEL, messages: [{ role: 'user', content: 'hello' }] };
const TERM = 'forbidden fruit';
const RULES = { blocked_terms: [TERM], terms_from: ['MORE_TERMS'], patterns: ['\\bsk-[a-z0-9]{8,16}\\b'] };
const MORE = { MORE_TERMS: 'mole\nвор' };
/** What has a hit, and what is left of it with stars, and before it. */
const CASES = [
  { text: 'so forbidden fruit ends', masked: 'so *************** ends', ended: 'so ' },
  { text: 'é Forbidden\u200b  FRUIT🌊', masked: 'é *****************🌊', ended: 'é ' },
  { text: 'a mole', masked: 'a ****', ended: 'a ' },
  { text: 'key: sk-abc123def456.', masked: 'key: ***************.', ended: 'key: ' },
];
const INNOCENT = ' forbidden, fruit; mols are "mol" \u200b\r\n\t`sk-` é🌊\u{1f469}\u200d\u{1f680} \u2028 ';

/** @type {Record<string, Awaited<ReturnType<typeof startGateway>>>} */
const gateways = {};
before(async () => {
  const started = await Promise.all(['mask', 'end'].map(async (on_hit) => [on_hit, await startGateway((url) => ({ ...vars(url), ...MORE, GUARDRAILS: JSON.stringify({ output: { ...RULES, on_hit } }) }))]));
  Object.assign(gateways, Object.fromEntries(started));
});
after(() => Promise.all(Object.values(gateways).map((gateway) => gateway.stop())));

/** A text in two pieces, at each place between two characters. @param {string} text */
function* splits(text) {
  const chars = [...text];
  for (let at = 1; at < chars.length; at += 1) yield [chars.slice(0, at).join(''), chars.slice(at).join('')];
}

for (const surface of surfaces) {
  for (const provider of PROVIDERS) {
    describe(`${surface.name} by ${provider.name}`, () => {
      const ask = (/** @type {string} */ mode, /** @type {any} */ said, /** @type {any} */ options = { stream: true }) => {
        const { simulator, worker } = gateways[mode];
        simulator.script(provider.says(said));
        return surface.ask(surface.connect({ url: worker.url, headers: worker.headers }), { model: provider.model, turns: [{ user: 'hello' }], ...options.request }, options);
      };

      test('masks it at every split', async () => {
        for (const { text, masked } of CASES) {
          for (const pieces of splits(text)) assert.equal((await ask('mask', { text: pieces })).text, masked, JSON.stringify(pieces));
          assert.equal((await ask('mask', { text: [text] }, { stream: false })).text, masked);
        }
      });

      test('gives the rest on byte for byte', async () => {
        for (const pieces of [[INNOCENT], [...INNOCENT]]) {
          for (const mode of ['mask', 'end']) assert.equal((await ask(mode, { text: ['x', ...pieces, 'x'] })).text, `x${INNOCENT}x`);
        }
      });

      if (!provider.lacks.thinking) {
        test('looks at what is thought, too', async () => {
          const { reasoning, text } = await ask('mask', { thinking: ['a forb', 'idden fr', 'uit'], text: ['fine'] }, { stream: true, request: { thinking: true } });
          assert.deepEqual([reasoning, text], ['a ***************', 'fine']);
        });
      }

      if (!provider.lacks.tools) {
        test('looks at what tools are called with, too', async () => {
          const tools = [{ name: 'get_weather', description: 'x', parameters: { type: 'object', properties: {} } }];
          const calls = [{ id: 'call_1', name: 'get_weather', arguments: { city: `a ${TERM}!`, more: 'm\u200bole', fine: 'é "q"\n' } }];
          const { calls: told } = await ask('mask', { calls }, { stream: true, request: { tools } });
          assert.deepEqual(told.map((/** @type {any} */ call) => call.arguments), [{ city: 'a ***************!', more: '*****', fine: 'é "q"\n' }]);
        });
      }

      test('ends there, in the words of its language', async () => {
        for (const { text } of CASES) {
          for (const pieces of [[text], [...text], [text.slice(0, 9), text.slice(9)]]) {
            const outcome = await ask('end', { text: pieces }).then((/** @type {any} */ answer) => answer.text ?? '', (/** @type {any} */ error) => String(error.message));
            assert.ok(!/fruit|ends|sk-|456/i.test(outcome), `${JSON.stringify(pieces)}: ${outcome}`);
          }
        }
      });
    });
  }
}

describe('an answer that ends at what is banned', () => {
  test('is a failure in the unified stream, behind what was said before, with settled usage; and the provider is let go', async () => {
    const { simulator, worker } = gateways.end;
    simulator.clear();
    simulator.script(openai.streamOf([...openai.frames({ text: ['so far, ', 'forbid', 'den fr', 'uit and'], finish: null, usage: null, done: false }), silence()]));
    const told = await stream(worker, ASK);
    const failure = assertFailed(told, 'content_filter');
    assert.deepEqual([failure.retryable, told.content], [false, 'so far, ']);
    await simulator.waitFor((requests) => requests.at(-1)?.outcome === 'aborted', 3_000);
  });

  test('of which nothing was told is a status', async () => {
    const { simulator, worker } = gateways.end;
    simulator.script(openai.answering({ text: [TERM] }));
    assertError(await post(worker, STREAM, ASK), 400, 'content_filter');
    assertError(await post(worker, CHAT, ASK), 400, 'content_filter');
  });

  test('is a finish reason where clients know one', async () => {
    const { simulator, worker } = gateways.end;
    simulator.script(openai.answering({ text: ['so far, ', TERM] }));
    const { text } = await post(worker, '/v1/chat/completions', { ...ASK, stream: true });
    assert.match(text, /"finish_reason":"content_filter"/);
    assert.ok(text.trimEnd().endsWith('[DONE]') && !text.includes('fruit'));
  });

  test('is kept in a session without it', async () => {
    const { simulator, worker } = gateways.end;
    simulator.script(openai.answering({ text: ['so far, ', 'forbidden', ' fruit'] }));
    const { id } = await createSession(worker);
    assertFailed(await stream(worker, asked(id, 'hello')), 'content_filter');
    const { messages } = await conversation(worker, id);
    assert.equal(messages.at(-1).content, 'so far, ');
    assert.ok(!JSON.stringify(messages).includes('fruit'));
  });

  test('waits with no more than the longest pattern', async () => {
    const { simulator, worker } = gateways.end;
    simulator.script(openai.streamOf([...openai.frames({ text: ['innocent words that go on and on for a while '], finish: null, usage: null, done: false }), silence()]));
    const begun = beginPost(worker, STREAM, ASK);
    await watch(await begun.response).until((text) => text.includes('innocent words'));
    begun.leave();
  });
});

describe('a prompt', () => {
  /** @type {Awaited<ReturnType<typeof startGateway>>} */
  let gateway;
  before(async () => {
    gateway = await startGateway({ ...MORE, GUARDRAILS: JSON.stringify({ input: { ...RULES, moderation: 'openai/omni-moderation-latest' } }) });
  });
  after(() => gateway?.stop());

  const judged = (/** @type {boolean} */ flagged) => gateway.simulator.script((request) => (request.path.endsWith('/moderations')
    ? { status: 200, headers: { 'content-type': 'application/json' }, steps: [JSON.stringify({ id: 'm', model: 'omni-moderation-latest', results: [{ flagged, categories: {}, category_scores: {} }] })] }
    : openai.answering({ text: 'fine' })(request)));

  test('that has what is banned reaches nobody, on any surface, and is not told what of it', async () => {
    judged(false);
    gateway.simulator.clear();
    const said = 'I like Forbidden\u200b FRUIT';
    const messages = [{ role: 'user', content: said }];
    for (const [path, body] of /** @type {[string, object][]} */ ([
      [STREAM, { model: MODEL, messages }], [CHAT, { model: MODEL, messages: [{ role: 'system', content: said }, ...ASK.messages] }], ['/v1/chat/completions', { model: MODEL, messages, stream: true }],
      ['/v1/responses', { model: MODEL, input: said }], ['/v1/messages', { model: MODEL, max_tokens: 9, messages }], [`/v1beta/models/${MODEL}:generateContent`, { contents: [{ role: 'user', parts: [{ text: said }] }] }],
      ['/api/chat', { model: MODEL, messages }], ['/chat', { model: MODEL, messages }], ['/v1/embeddings', { model: 'openai/text-embedding-3-small', input: ['x', said] }],
    ])) {
      const answer = await post(gateway.worker, path, body);
      assert.equal(answer.status, 400, `${path}: ${answer.text}`);
      assert.ok(!/fruit/i.test(answer.text), answer.text);
    }
    assert.equal(gateway.simulator.requests.length, 0);
    const { id } = await createSession(gateway.worker);
    assertError(await post(gateway.worker, CHAT, asked(id, said)), 400, 'content_filter');
  });

  test('is judged by the model that the operator named', async () => {
    judged(true);
    assertError(await post(gateway.worker, CHAT, ASK), 400, 'content_filter');
    judged(false);
    const { status, json } = await post(gateway.worker, CHAT, ASK);
    assert.deepEqual([status, json.content], [200, 'fine']);
    gateway.simulator.script((request) => (request.path.endsWith('/moderations') ? openai.failed(400) : openai.answering({ text: 'fine' })(request)));
    assert.notEqual((await post(gateway.worker, CHAT, ASK)).status, 200, 'what could not be judged is not let through');
  });
});

test('what makes no sense is named', async () => {
  for (const [value, words] of /** @type {[object | string, RegExp][]} */ ([
    ['{', /GUARDRAILS cannot be read/], [{ output: { patterns: ['a+'] } }, /more than 512 bytes/], [{ output: { patterns: ['('] } }, /cannot be read/],
    [{ input: { terms_from: ['NONE'] } }, /terms_from NONE/], [{ outptu: {} }, /unknown field `outptu`/], [{ output: { on_hit: 'log' } }, /unknown variant `log`/],
  ])) {
    const worker = await startWorker({ vars: { GUARDRAILS: typeof value === 'string' ? value : JSON.stringify(value) } });
    try {
      const { status, json } = await get(worker, '/api/v1/providers');
      assert.equal(status, 500);
      assert.match(json.error.message, words);
    } finally {
      await worker.stop();
    }
  }
});
