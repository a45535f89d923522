// @ts-check
/** `GET /ws`: chat through a socket without a session, as clients of Lanarky expect it. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { reset, silence } from '../simulator/wire.mjs';
import { get } from './client.mjs';
import { OPENAI_KEY, startGateway } from './gateway.mjs';
import { heard, paced, user } from './sessions.mjs';
import { connect } from './socket.mjs';

const END = '{"data":"","event":"end"}';
const TO_OPENAI = { provider: 'openai', model: openai.MODEL };
const MEGABYTE = 1 << 20;
/** @param {string} data */
const delta = (data) => JSON.stringify({ data, event: 'completion' });
/** @param {string} text @param {object} [more] */
const say = (text, more = {}) => ({ messages: [user(text)], ...TO_OPENAI, ...more });

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());
beforeEach(() => {
  gateway.simulator.clear();
  gateway.simulator.script(openai.answering({ text: ['fi', 'ne'] }));
});

const open = () => connect(gateway.worker, '/ws');
const requests = () => gateway.simulator.requests;
/** @typedef {import('./socket.mjs').Socket} Socket */
/** Until so many rounds have ended, well or not. @param {Socket} socket @param {number} rounds */
const ended = (socket, rounds) => socket.until((messages) => messages.filter((text) => text === END || text.includes('"event":"error"')).length >= rounds);
/** Says one thing, and has the failure that it brings. @param {Socket} socket @param {unknown} message */
async function failure(socket, message) {
  const from = socket.messages.length;
  socket.send(message);
  const messages = await socket.until((got) => got.length > from);
  const { event, data, ...rest } = JSON.parse(messages[from]);
  assert.deepEqual([event, rest, Object.keys(data)], ['error', {}, ['status_code', 'detail']], JSON.stringify(message));
  assert.ok(data.detail && !data.detail.includes(OPENAI_KEY));
  return data.status_code;
}

test('an answer is its deltas and an end, any number of rounds, as text and as bytes', async () => {
  const socket = await open();
  for (const [round, send] of [() => socket.send(say('1')), () => socket.sendBinary(say('2')), () => socket.sendInPieces(say('3 🌊'), 5)].entries()) {
    send();
    await ended(socket, round + 1);
  }
  assert.deepEqual(socket.messages, Array.from({ length: 3 }, () => [delta('fi'), delta('ne'), END]).flat());
  assert.deepEqual(requests().map(heard), [[['user', '1']], [['user', '2']], [['user', '3 🌊']]], 'nothing is remembered');
  assert.deepEqual(await socket.close(), { code: 1000, reason: '' });
});

test('a request may say how it is answered, and what the model is to be', async () => {
  const socket = await open();
  socket.send(say('hello', { temperature: 0.1, system: 'Be brief.' }));
  await ended(socket, 1);
  socket.send({ ...say('x'), messages: [user('hello'), { role: 'assistant', content: 'hi' }, user('and?')] });
  await ended(socket, 2);
  const [first, second] = requests();
  assert.deepEqual([first.json.temperature, heard(first)], [0.1, [['developer', 'Be brief.'], ['user', 'hello']]]);
  assert.deepEqual([second.json.temperature, heard(second)], [0.7, [['user', 'hello'], ['assistant', 'hi'], ['user', 'and?']]]);
  await socket.close();
});

test('nothing but text is in an answer, to the letter', async () => {
  gateway.simulator.script(openai.streamed({ reasoning: ['hm'], text: ['a\n"b" ', '\u2028🌊</script>'], toolCalls: [{ id: 'c', name: 'look', arguments: '{}' }] }));
  const socket = await open();
  socket.send(say('hello'));
  await ended(socket, 1);
  assert.deepEqual(socket.messages.map((text) => JSON.parse(text)), [{ data: 'a\n"b" ', event: 'completion' }, { data: '\u2028🌊</script>', event: 'completion' }, { data: '', event: 'end' }]);
  await socket.close();
});

test('what is wrong is told with its status, and the socket goes on', async () => {
  const socket = await open();
  for (const wrong of ['', '{', '[]', 'hello', {}, { messages: [] }, { messages: 'x' }, say('x', { temperature: 9 }), say('x', { colour: 'red' }), say('x', { system: 7 })]) {
    assert.equal(await failure(socket, wrong), 422, JSON.stringify(wrong));
  }
  assert.equal(await failure(socket, say('x', { provider: 'nobody' })), 400);
  assert.equal(requests().length, 0);
  gateway.simulator.script(openai.failed(401, { code: 'invalid_api_key' }), openai.failed(400, { type: 'invalid_request_error' }), openai.answering({ text: 'fine' }));
  assert.equal(await failure(socket, say('x')), 401);
  assert.equal(await failure(socket, say('x')), 422);
  const from = socket.messages.length;
  socket.send(say('hello'));
  await socket.until((messages) => messages.at(-1) === END);
  assert.deepEqual(socket.messages.slice(from), [delta('fine'), END]);
  await socket.close();
});

test('a failure in mid-answer ends it, and the next round goes on', async () => {
  gateway.simulator.script(openai.streamOf([...openai.frames({ text: ['one ', 'two'] }).slice(0, 2), reset()]), openai.answering({ text: 'fine' }));
  const socket = await open();
  socket.send(say('hello'));
  await ended(socket, 1);
  assert.equal(socket.messages[0], delta('one '));
  const { event, data } = JSON.parse(socket.messages[1]);
  assert.deepEqual([event, Object.keys(data)], ['error', ['status_code', 'detail']]);
  assert.ok(data.status_code >= 500);
  socket.send(say('hello'));
  await ended(socket, 2);
  assert.deepEqual(socket.messages.slice(2), [delta('fine'), END]);
  await socket.close();
});

test('what is said at once is answered one after the other', async () => {
  const first = paced(['one ', 'two']);
  gateway.simulator.script(first.reply, openai.streamed({ text: 'second' }), openai.streamed({ text: 'third' }));
  const socket = await open();
  for (const text of ['1', '2', '3']) socket.send(say(text));
  first.release(1);
  await socket.until((messages) => messages.length === 1);
  assert.equal(requests().length, 1);
  first.finish();
  await ended(socket, 3);
  assert.deepEqual(socket.messages, [delta('one '), delta('two'), END, delta('second'), END, delta('third'), END]);
  assert.deepEqual(requests().map(({ json }) => json.messages[0].content), ['1', '2', '3']);
  await socket.close();
});

for (const [how, leave] of /** @type {[string, (socket: Socket) => unknown][]} */ ([['closes', (socket) => socket.close()], ['is cut off', (socket) => socket.leave()]])) {
  test(`a client that ${how} ends the provider's answer, and what waited is not asked`, async () => {
    const answer = paced(['one ', 'two']);
    gateway.simulator.script(answer.reply, openai.answering({ text: 'never' }));
    const socket = await open();
    for (const text of ['1', '2']) socket.send(say(text));
    answer.release(1);
    await socket.until((messages) => messages.length === 1);
    await leave(socket);
    await gateway.simulator.waitFor(([request]) => request.outcome === 'aborted');

    gateway.simulator.script({ steps: [silence()] });
    const other = await open();
    other.send(say('3'));
    await gateway.simulator.waitFor((all) => all.some(({ json }) => json.messages[0].content === '3'));
    await leave(other);
    await gateway.simulator.waitFor((all) => all.at(-1)?.outcome === 'aborted');
    assert.deepEqual(requests().map(({ json }) => json.messages[0].content), ['1', '3']);
  });
}

test('sockets do not hear each other', async () => {
  const sockets = await Promise.all(Array.from({ length: 8 }, open));
  gateway.simulator.script(({ json }) => openai.streamed({ text: [json.messages[0].content, '!'] }));
  for (const [index, socket] of sockets.entries()) socket.send(say(`${index}`));
  for (const [index, socket] of sockets.entries()) {
    await ended(socket, 1);
    assert.deepEqual(socket.messages, [delta(`${index}`), delta('!'), END]);
    await socket.close();
  }
});

test('too much, or too many at once, closes the socket', async () => {
  const large = await open();
  large.send(say('x'.repeat(4 * MEGABYTE)));
  await large.until(() => !large.isOpen());
  assert.equal((await large.close())?.code, 1009);
  gateway.simulator.script({ steps: [silence()] });
  const hasty = await open();
  for (let index = 0; index < 100; index += 1) hasty.send(say(`${index}`));
  await hasty.until(() => !hasty.isOpen());
  assert.equal((await hasty.close())?.code, 1008);
  await gateway.simulator.waitFor((all) => all.at(-1)?.outcome === 'aborted');
});

test('whoever wants no socket, or comes from elsewhere, is refused', async () => {
  const plain = await get(gateway.worker, '/ws');
  assert.equal(plain.status, 422, plain.text);
  assert.deepEqual([plain.json.event, plain.json.data.status_code], ['error', 422]);
  await assert.rejects(connect(gateway.worker, '/ws', { origin: 'https://evil.example' }), { status: 403 });
});
