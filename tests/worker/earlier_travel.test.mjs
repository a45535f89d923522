// @ts-check
/** `/openai-streaming`: the travel assistant as raw text, its map, and its messages, saved and unsaved, by a cookie. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { hangUp, pieces, silence } from '../simulator/wire.mjs';
import { CHAT as OPENAI, KYOTO, TOKYO, call, toldTo } from './assistants.mjs';
import { begin, watch } from './client.mjs';
import { TRAVEL, jar } from './earlier.mjs';
import { startGateway } from './gateway.mjs';
import { eventually } from './sessions.mjs';

const VISIT = 'Let\'s visit Tokyo & 京都 + 🗼?';
const SAVED = '"Chat Saved Command Executed"';
const DELETED = '"Chat History Deleted"';

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway({ DEFAULT_PROVIDER: 'openai' }); });
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(OPENAI.says({ text: ['It is ', 'nice.'] }));
});

const requests = () => gateway.simulator.requests;
/** A model that shows a place, and then says something. @param {object} map @param {string[]} text */
const shows = (map, text) => gateway.simulator.script(OPENAI.says({ calls: [call('call_a', map)] }), OPENAI.says({ text }));
/** A map as these clients know it. @param {typeof TOKYO} map */
const shown = ({ longitude, latitude, zoom, longitudes, latitudes, labels }) => ({ map_state: { latitude, longitude, zoom }, markers_state: { latitudes, longitudes, labels } });
/** What people and the model said to each other. @param {any[]} messages */
const spoken = (messages) => messages.filter(({ role, content }) => (role === 'user' || role === 'assistant') && content).map(({ role, content }) => [role, content]);

/** @typedef {ReturnType<typeof jar>} Jar */
/** @param {Jar} one */
const working = async (one) => (await one.of('get-all-messages-before-saved')).json;
/** @param {Jar} one */
const saved = async (one) => (await one.of('get-db-chat')).json;

describe('the travel assistant as raw text', () => {
  test('is what it says, and nothing else', async () => {
    gateway.simulator.script(OPENAI.says({ thinking: ['Hm.'], text: ['Voilà: ', '東京.\n'], calls: [call('call_a', TOKYO)] }), OPENAI.says({ text: ['It is ', '\n\n', 'data: 🗼'] }));
    const { status, headers, text } = await jar(gateway.worker).travel(VISIT);
    assert.deepEqual([status, text], [200, 'Voilà: 東京.\nIt is \n\ndata: 🗼']);
    assert.deepEqual([headers['content-type'], headers['cache-control']], ['text/event-stream; charset=utf-8', 'no-store']);
    const [first, second] = requests();
    assert.deepEqual(toldTo(OPENAI, first), [['user', VISIT]]);
    assert.deepEqual(toldTo(OPENAI, second).map(([kind]) => kind), ['user', 'assistant', 'call', 'result']);
  });

  test('comes as it is said, each piece of whole characters, however its bytes came', async () => {
    const said = ['é🌊', '東', '京🗼🗼', 'ß', '…'];
    gateway.simulator.script(openai.streamOf(pieces(openai.frames({ text: said }).join(''), 3)));
    const response = await begin(gateway.worker, `${TRAVEL}/?query=hello`, { method: 'GET' }).response;
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let text = '';
    for await (const piece of response) text += decoder.decode(piece);
    assert.equal(text, said.join(''));
  });

  test('comes before its end', async () => {
    gateway.simulator.script(openai.streamOf([...openai.frames({ text: ['one ', 'two'] }).slice(0, 2), silence()]));
    const client = begin(gateway.worker, `${TRAVEL}/?query=hello`, { method: 'GET' });
    await watch(await client.response).until((text) => text === 'one ');
    client.leave();
  });

  test('that cannot begin is told by its status, and nothing was said', async () => {
    const one = jar(gateway.worker);
    await one.travel('hello');
    const before = await working(one);
    gateway.simulator.script(openai.failed(503));
    const { status, json } = await one.travel('and?');
    assert.deepEqual([status, typeof json], [503, 'object']);
    assert.deepEqual(await working(one), before);
  });

  test('that breaks off keeps what was said', async () => {
    const one = jar(gateway.worker);
    await one.of('map-coordinates'); // it has its cookie, however the next answer ends
    gateway.simulator.script(openai.streamOf([...openai.frames({ text: ['one ', 'two'] }).slice(0, 2), hangUp()]), OPENAI.says({ text: ['fine'] }));
    const text = await one.travel('hello').then((answer) => answer.text, () => 'one '); // a cut is told as one, or by the end
    assert.ok(text.startsWith('one '), text);
    await eventually(async () => assert.deepEqual(spoken(await working(one)), [['user', 'hello'], ['assistant', 'one ']]));
    assert.equal((await one.travel('and?')).text, 'fine');
  });

  test('needs a question', async () => {
    for (const path of [`${TRAVEL}/`, `${TRAVEL}/?query=`, `${TRAVEL}/?quer=x`]) assert.equal((await jar(gateway.worker).ask(path)).status, 422, path);
    assert.equal(requests().length, 0);
  });
});

describe('the map', () => {
  test('is empty at first, and then what the assistant shows', async () => {
    const one = jar(gateway.worker);
    const { status, json } = await one.of('map-coordinates');
    assert.deepEqual([status, json.markers_state, Object.keys(json), Object.keys(json.map_state)], [200, { latitudes: [], longitudes: [], labels: [] }, ['map_state', 'markers_state'], ['latitude', 'longitude', 'zoom']]);
    for (const value of Object.values(json.map_state)) assert.equal(typeof value, 'number');
    shows(TOKYO, ['There.']);
    await one.travel(VISIT);
    assert.deepEqual((await one.of('map-coordinates')).json, shown(TOKYO));
    shows(KYOTO, ['And there.']);
    await one.travel('And Kyoto?');
    assert.deepEqual((await one.of('map-coordinates')).json, shown(KYOTO));
  });

  test('is not another client\'s, and neither is anything else', async () => {
    const [one, other] = [jar(gateway.worker), jar(gateway.worker)];
    shows(TOKYO, ['Tokyo.']);
    await one.travel('Tokyo?');
    shows(KYOTO, ['Kyoto.']);
    await other.travel('Kyoto?');
    assert.notEqual(one.cookie(), other.cookie());
    await other.of('save-db-chat');
    assert.deepEqual((await one.of('map-coordinates')).json, shown(TOKYO));
    assert.deepEqual((await other.of('map-coordinates')).json, shown(KYOTO));
    assert.deepEqual([spoken(await working(one)), spoken(await working(other))], [[['user', 'Tokyo?'], ['assistant', 'Tokyo.']], [['user', 'Kyoto?'], ['assistant', 'Kyoto.']]]);
    assert.deepEqual([await saved(one), spoken(await saved(other)).length], [[], 2]);
    await other.of('delete-db-state-chat', 'DELETE');
    assert.equal(spoken(await working(one)).length, 2);
    assert.deepEqual(toldTo(OPENAI, requests()[2]), [['user', 'Kyoto?']], 'the model is told nothing of it either');
  });
});

describe('the cookie', () => {
  test('is given once, by whichever route comes first, and no script can read it', async () => {
    for (const first of [(/** @type {Jar} */ one) => one.travel('hello'), (/** @type {Jar} */ one) => one.of('map-coordinates'), (/** @type {Jar} */ one) => one.of('save-db-chat')]) {
      const one = jar(gateway.worker);
      const { given } = await first(one);
      assert.match(String(given), /^tributary_travel=[^;]{20,};/);
      for (const part of [/HttpOnly/i, /Path=\//i, /SameSite=(Strict|Lax)/i]) assert.match(String(given), part);
      for (const name of ['map-coordinates', 'get-db-chat', 'get-all-messages-before-saved', 'save-db-chat']) assert.equal((await one.of(name)).given, undefined, name);
      assert.equal((await one.travel('hello')).given, undefined);
    }
  });

  test('that we did not make, or no longer know, is a new beginning', async () => {
    const one = jar(gateway.worker);
    await one.travel('hello');
    for (const cookie of ['tributary_travel=x', 'tributary_travel=', `tributary_travel=s_${'0'.repeat(30)}`, 'other=1', `tributary=${'0'.repeat(30)}`, `${one.cookie()}0`]) {
      const stranger = jar(gateway.worker, cookie);
      const { status, text, given } = await stranger.travel('hello');
      assert.deepEqual([status, text], [200, 'It is nice.'], cookie);
      assert.match(String(given), /^tributary_travel=/, cookie);
      assert.deepEqual(spoken(await working(stranger)), [['user', 'hello'], ['assistant', 'It is nice.']]);
    }
    assert.equal(spoken(await working(one)).length, 2);
  });
});

describe('the messages', () => {
  test('are those of the work, and those that were saved last', async () => {
    const one = jar(gateway.worker);
    assert.deepEqual([await saved(one), spoken(await working(one))], [[], []]);
    shows(TOKYO, ['There.']);
    await one.travel(VISIT);
    const first = [['user', VISIT], ['assistant', 'There.']];
    const [system, ...rest] = await working(one);
    assert.deepEqual([system.role, system.content.length > 10, spoken(rest)], ['system', true, first]);
    assert.deepEqual(await saved(one), [], 'nothing is saved by itself');

    const { status, headers, text } = await one.of('save-db-chat');
    assert.deepEqual([status, headers['content-type'], text], [200, 'application/json', SAVED]);
    assert.deepEqual(spoken(await saved(one)), first);
    for (const message of await saved(one)) assert.deepEqual(Object.keys(message), ['role', 'content']);

    gateway.simulator.script(OPENAI.says({ text: ['Nice.'] }));
    await one.travel('And?');
    const both = [...first, ['user', 'And?'], ['assistant', 'Nice.']];
    assert.deepEqual([spoken(await working(one)), spoken(await saved(one))], [both, first], 'what came since is apart');
    await one.of('save-db-chat');
    await one.of('save-db-chat');
    assert.deepEqual(spoken(await saved(one)), both);
    assert.deepEqual(toldTo(OPENAI, requests()[2]).map(([kind]) => kind), ['user', 'call', 'result', 'assistant', 'user'], 'the model is told all of it');
  });

  test('are deleted, and another conversation begins', async () => {
    const one = jar(gateway.worker);
    await one.travel('hello');
    await one.of('save-db-chat');
    const { status, headers, text } = await one.of('delete-db-state-chat', 'DELETE');
    assert.deepEqual([status, headers['content-type'], text], [200, 'application/json', DELETED]);
    assert.deepEqual([await saved(one), spoken(await working(one))], [[], []]);
    assert.equal((await one.of('delete-db-state-chat', 'DELETE')).text, DELETED, 'and again');
    await one.travel('anew');
    assert.deepEqual(toldTo(OPENAI, requests()[1]), [['user', 'anew']]);
    assert.deepEqual(spoken(await working(one)), [['user', 'anew'], ['assistant', 'It is nice.']]);
  });
});
