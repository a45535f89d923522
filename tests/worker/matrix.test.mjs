// @ts-check
/**
 * Every client language by every provider, through the vendors' own SDKs: the same program, whatever
 * answers. What a cell cannot do is marked with its reason, never skipped in silence.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { readdirSync } from 'node:fs';
import { startGateway } from './gateway.mjs';
import { PROVIDERS, STATE, vars } from './matrix/providers.mjs';
import { Table } from './matrix/table.mjs';
import { WORDS } from './matrix/words.mjs';

/** @type {any[]} */
const surfaces = await Promise.all(readdirSync(new URL('surfaces', import.meta.url)).filter((name) => name.endsWith('.mjs')).sort()
  .map(async (name) => (await import(`./surfaces/${name}`)).surface));

const table = new Table(surfaces.map(({ name }) => name), [...PROVIDERS.map(({ name }) => name), 'demo']);

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(vars); });
after(async () => {
  await gateway?.stop();
  table.finish();
});
beforeEach(() => gateway.simulator.clear());

const TOOLS = [
  { name: 'get_weather', description: 'The weather of a city.', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false } },
  { name: 'get_time', description: 'The time in a city.', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false } },
];
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const OSLO = { id: 'call_oslo', name: 'get_weather', arguments: { city: 'Oslo', note: 'é🌊 "quoted"\n' } };
const ROME = { id: 'call_rome', name: 'get_time', arguments: { city: 'Rome' } };
const PIXEL = { mediaType: 'image/png', data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==' };
const USER = [{ user: 'What is it like in Oslo?' }];

/** The last request that a provider got, as text. */
const sent = () => gateway.simulator.requests.at(-1)?.body ?? '';
/** Whether the provider got state, however JSON escapes it. */
const gotState = () => sent().includes(STATE);

/** One feature of one cell. @param {string} surface @param {string} provider @param {string} feature @param {() => Promise<void>} work */
function run(surface, provider, feature, work) {
  test(feature, async () => {
    table.expect(surface, provider, feature);
    await work();
    table.pass(surface, provider, feature);
  });
}

for (const surface of surfaces) {
  for (const provider of PROVIDERS) {
    describe(`${surface.name} by ${provider.name}`, () => {
      /** @type {any} */
      let client;
      before(() => { client = surface.connect({ url: gateway.worker.url, headers: gateway.worker.headers }); });

      /** A feature of this cell: run, or marked. @param {string} feature @param {() => Promise<void>} work */
      const feature = (feature, work) => {
        const why = provider.lacks[feature];
        if (why) table.mark(surface.name, provider.name, feature, why);
        else run(surface.name, provider.name, feature, work);
      };
      const says = (/** @type {import('./matrix/providers.mjs').Said} */ said) => gateway.simulator.script(provider.says(said));
      const ask = (/** @type {any} */ request, stream = true) => surface.ask(client, { model: provider.model, turns: USER, ...request }, { stream });

      for (const stream of [true, false]) {
        feature(stream ? 'streamed' : 'whole', async () => {
          says({ text: ['Hel', 'lo é', '🌊'] });
          const answer = await ask({ turns: [{ system: 'Be brief.' }, ...USER] }, stream);
          assert.equal(answer.text, 'Hello é🌊');
          assert.deepEqual(answer.calls, []);
          assert.ok(answer.usage.input > 0 && answer.usage.output > 0, JSON.stringify(answer.usage));
          assert.match(sent(), /Be brief\./);
        });

        feature(stream ? 'tools' : 'tools whole', async () => {
          says({ text: ['Let me look.'], calls: [OSLO] });
          const first = await ask({ tools: TOOLS }, stream);
          assert.deepEqual(first.calls.map(({ name, arguments: value }) => [name, value]), [[OSLO.name, OSLO.arguments]]);
          assert.match(sent(), /get_time/);
          says({ text: ['Sunny.'] });
          const [{ id, name }] = first.calls;
          const second = await ask({ tools: TOOLS, turns: [...USER, { assistant: first.turn }, { results: [{ id, name, text: 'sun-in-oslo' }] }] }, stream);
          assert.equal(second.text, 'Sunny.');
          assert.match(sent(), /sun-in-oslo/);
          assert.match(sent(), /Oslo/);
        });
      }

      feature('parallel calls', async () => {
        says({ calls: [OSLO, ROME, { ...ROME, id: 'call_again' }] });
        const first = await ask({ tools: TOOLS });
        assert.deepEqual(first.calls.map(({ name, arguments: value }) => [name, value]), [OSLO, ROME, ROME].map((call) => [call.name, call.arguments]));
        says({ text: ['Done.'] });
        const results = first.calls.map(({ id, name }, at) => ({ id, name, text: `result-${at}` }));
        assert.equal((await ask({ tools: TOOLS, turns: [...USER, { assistant: first.turn }, { results }] })).text, 'Done.');
        for (const at of [0, 1, 2]) assert.match(sent(), new RegExp(`result-${at}`));
      });

      feature('thinking', async () => {
        says({ thinking: ['I pon', 'der.'], text: ['Right.'] });
        const first = await ask({ thinking: true });
        assert.equal(first.text, 'Right.');
        assert.equal(first.reasoning, 'I ponder.');
        if (!provider.sealed) return;
        says({ text: ['Yes.'] });
        await ask({ thinking: true, turns: [...USER, { assistant: first.turn }, { user: 'Sure?' }] });
        assert.ok(gotState(), `the state came back: ${sent()}`);
      });

      feature('thinking with tools', async () => {
        says({ thinking: ['I ponder.'], calls: [OSLO] });
        const first = await ask({ thinking: true, tools: TOOLS });
        says({ text: ['Sunny.'] });
        const [{ id, name }] = first.calls;
        const second = await ask({ thinking: true, tools: TOOLS, turns: [...USER, { assistant: first.turn }, { results: [{ id, name, text: 'sun-in-oslo' }] }] });
        assert.equal(second.text, 'Sunny.');
        if (provider.sealed) assert.ok(gotState(), `the state came back: ${sent()}`);
      });

      feature('forced', async () => {
        says({ calls: [OSLO] });
        const answer = await ask({ tools: TOOLS, choice: 'required' });
        assert.equal(answer.calls.length, 1);
        assert.match(sent(), /required|"any"|"ANY"/);
      });

      feature('image', async () => {
        says({ text: ['A pixel.'] });
        assert.equal((await ask({ turns: [{ user: 'What is this?', image: PIXEL }] })).text, 'A pixel.');
        assert.ok(sent().includes(PIXEL.data), 'the picture reaches the provider');
      });

      feature('schema', async () => {
        says({ text: ['{"city":', '"Oslo"}'] });
        const answer = await ask({ schema: SCHEMA });
        assert.deepEqual(JSON.parse(answer.text), { city: 'Oslo' });
        assert.match(sent(), /additionalProperties/);
      });

      feature('length', async () => {
        says({ text: ['Once upon'], end: 'length' });
        const answer = await ask({ maxTokens: 2000 });
        assert.equal(answer.text, 'Once upon');
        assert.match(String(answer.finish), WORDS[surface.name].length);
      });

      feature('refusal', async () => {
        says({ text: ['I would rather not.'], end: 'refusal' });
        const answer = await ask({});
        assert.match(`${answer.text}${answer.refusal ?? ''}`, /I would rather not\./);
        assert.match(String(answer.finish), WORDS[surface.name].refusal);
      });

      feature('filter', async () => {
        says({ text: ['So'], end: 'filter' });
        const answer = await ask({});
        assert.match(String(answer.finish), WORDS[surface.name].filter);
      });

      feature('error before', async () => {
        gateway.simulator.script(provider.fails(400));
        for (const stream of [true, false]) {
          const error = await surface.raises(client, { model: provider.model, turns: USER }, { stream });
          assert.match(error.message, /simulated failure/);
          assert.equal(error.status, 400);
        }
      });

      feature('error after', async () => {
        gateway.simulator.script(provider.breaks());
        const error = await surface.raises(client, { model: provider.model, turns: USER }, { stream: true });
        assert.ok(error.message, 'an answer that breaks off is raised, not ended');
      });

      feature('abort', async () => {
        const reply = provider.says({ text: Array.from({ length: 200 }, (_, at) => `word ${at} `) });
        gateway.simulator.script((request) => {
          const { steps = [], ...rest } = reply(request);
          return { ...rest, steps: [...steps.slice(0, 20), { type: 'silence' }] };
        });
        const leaver = new AbortController();
        const asked = surface.ask(client, { model: provider.model, turns: USER, signal: leaver.signal }, { stream: true });
        await gateway.simulator.waitFor(([one]) => one?.sent > 100);
        leaver.abort();
        await assert.rejects(asked);
        await gateway.simulator.waitFor(([one]) => one?.outcome === 'aborted');
      });
    });
  }
}

// The demo says what its commands make it say; nothing of it is simulated.
for (const surface of surfaces) {
  describe(`${surface.name} by demo`, () => {
    /** @type {any} */
    let client;
    before(() => { client = surface.connect({ url: gateway.worker.url, headers: gateway.worker.headers }); });
    const request = (/** @type {string} */ user, /** @type {object} */ more = {}) => ({ model: 'demo', turns: [{ user: `/fast ${user}` }], ...more });
    const ask = (/** @type {string} */ user, /** @type {object} */ more = {}, stream = true) => surface.ask(client, request(user, more), { stream });
    const feature = (/** @type {string} */ name, /** @type {() => Promise<void>} */ work) => run(surface.name, 'demo', name, work);

    for (const stream of [true, false]) {
      feature(stream ? 'streamed' : 'whole', async () => {
        const { text, usage } = await ask('hello', {}, stream);
        assert.match(text, /demo/);
        assert.ok(usage.output > 0, JSON.stringify(usage));
      });

      feature(stream ? 'tools' : 'tools whole', async () => {
        const first = await ask('/tool', { tools: TOOLS }, stream);
        const [{ id, name }] = first.calls;
        assert.equal(name, 'get_weather');
        const turns = [{ user: '/fast /tool' }, { assistant: first.turn }, { results: [{ id, name, text: 'sun-in-oslo' }] }];
        assert.match((await ask('', { tools: TOOLS, turns }, stream)).text, /sun-in-oslo/);
      });
    }

    feature('thinking', async () => {
      const { reasoning, text } = await ask('/think', { thinking: true });
      assert.ok(reasoning.length > 0 && text.length > 0);
    });

    feature('refusal', async () => {
      const { text, refusal, finish } = await ask('/refuse');
      assert.ok(`${text}${refusal ?? ''}`.length > 0);
      assert.match(String(finish), WORDS[surface.name].refusal);
    });

    feature('filter', async () => assert.match(String((await ask('/filter')).finish), WORDS[surface.name].filter));

    feature('error after', async () => assert.ok((await surface.raises(client, request('/fail'), { stream: true })).message));
  });
}
