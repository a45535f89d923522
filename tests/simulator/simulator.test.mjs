// @ts-check
/** The simulator does on the wire what it is told, and tells what happened: the other tests rest on it. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import * as openai from './formats/openai_chat.mjs';
import { startSimulator } from './simulator.mjs';
import { flow, gate, hangUp, head, pieces, reset, silence } from './wire.mjs';

/** @type {import('./simulator.mjs').Simulator} */
let simulator;
before(async () => { simulator = await startSimulator(); });
after(() => simulator.stop());
beforeEach(() => simulator.clear());

const PATH = '/v1/chat/completions';

/** Asks over a bare socket, so that every byte and the way it ends can be seen. @param {{ headers?: string, body?: string }} [request] */
function ask({ headers = '', body = '{"stream":true}' } = {}) {
  const socket = net.connect(Number(new URL(simulator.url).port), '127.0.0.1');
  const parts = /** @type {Buffer[]} */ ([]);
  socket.on('data', (part) => parts.push(part));
  /** @type {Promise<string>} */
  const ended = new Promise((resolve) => {
    socket.on('error', (error) => resolve(/** @type {any} */ (error).code));
    socket.on('end', () => resolve('end'));
  });
  socket.write(`POST ${PATH} HTTP/1.1\r\nhost: x\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
  return { socket, ended, text: () => Buffer.concat(parts).toString(), bytes: () => Buffer.concat(parts) };
}

test('pieces are written as they are, one chunk each', async () => {
  simulator.script(openai.streamOf(pieces('data: é\n\n', 7)));
  const { ended, bytes } = ask();
  await ended;
  const body = bytes().subarray(bytes().indexOf('\r\n\r\n') + 4);
  assert.deepEqual(body, Buffer.from('7\r\ndata: \xc3\r\n3\r\n\xa9\n\n\r\n0\r\n\r\n', 'latin1'));
});

test('a request is recorded with its method, path, headers and body', async () => {
  simulator.script(openai.streamed({ text: 'hello' }));
  await ask({ headers: 'x-test: 1\r\n', body: '{"model":"m"}' }).ended;
  const [{ method, path, headers, body, json, outcome, headersSent }] = await simulator.waitFor(([one]) => one.outcome !== 'open');
  assert.deepEqual([method, path, headers['x-test'], body, json.model, outcome, headersSent], ['POST', PATH, '1', '{"model":"m"}', 'm', 'finished', true]);
});

test('a reset before the headers sends nothing at all', async () => {
  simulator.script({ steps: [reset()] });
  const { ended, text } = ask();
  assert.deepEqual([await ended, text()], ['ECONNRESET', '']);
  assert.deepEqual([simulator.requests[0].outcome, simulator.requests[0].headersSent], ['broken', false]);
});

test('a reset in the middle comes after the bytes before it', async () => {
  const seen = Promise.withResolvers();
  simulator.script(openai.streamOf(['data: 1\n\n', gate(seen.promise), reset()]));
  const { socket, ended, text } = ask();
  socket.once('data', seen.resolve);
  assert.equal(await ended, 'ECONNRESET');
  assert.match(text(), /^HTTP\/1.1 200 /);
});

test('hanging up ends the connection but not the body', async () => {
  simulator.script(openai.streamOf(['data: 1\n\n', hangUp()]));
  const { ended, text } = ask();
  assert.equal(await ended, 'end');
  assert.match(text(), /data: 1\n\n\r\n$/);
});

test('a client that leaves is recorded, with the place where it left', async () => {
  for (const [steps, headersSent, sent] of /** @type {const} */ ([[[silence()], false, 0], [[head(), silence()], true, 0], [['data: 1\n\n', silence()], true, 9]])) {
    simulator.clear();
    simulator.script(openai.streamOf([...steps]));
    const { socket } = ask();
    await simulator.waitFor(([one]) => one && (!headersSent || one.headersSent) && one.sent === sent);
    socket.resetAndDestroy();
    const [record] = await simulator.waitFor(([one]) => one.outcome !== 'open');
    assert.deepEqual([record.outcome, record.headersSent, record.sent], ['aborted', headersSent, sent]);
  }
});

test('a client that does not read is seen to stall, and gets the rest when it reads', async () => {
  const size = 50 << 20;
  simulator.script(openai.streamOf([flow(function* () {
    for (let sent = 0; sent < size; sent += 65_536) yield Buffer.alloc(65_536, 'x');
  })]));
  const { socket, ended } = ask();
  socket.pause();
  const [record] = await simulator.waitFor(([one]) => one?.stalled);
  assert.ok(record.sent < 16 << 20, `${record.sent} bytes were taken`);
  socket.resume();
  await ended;
  assert.deepEqual([record.sent, record.stalled, record.outcome], [size, false, 'finished']);
});

test('replies come in order and the last one stays', async () => {
  simulator.script(openai.failed(503, {}, { 'retry-after': '2' }), openai.streamed({ text: 'a' }), () => openai.failed(429));
  const seen = [];
  for (let count = 0; count < 4; count += 1) {
    const { ended, text } = ask();
    await ended;
    seen.push(text().split(' ')[1]);
  }
  assert.deepEqual(seen, ['503', '200', '429', '429']);
});

test('gzip is for those who accept it', async () => {
  simulator.script({ ...openai.streamOf(['data: 1\n\n']), gzip: true });
  const plain = ask({ headers: 'accept-encoding: identity\r\n' });
  await plain.ended;
  assert.doesNotMatch(plain.text(), /content-encoding/);
  const response = await fetch(simulator.url + PATH, { method: 'POST', body: '{}', headers: { 'accept-encoding': 'gzip' } });
  assert.equal(response.headers.get('content-encoding'), 'gzip');
  assert.equal(await response.text(), 'data: 1\n\n');
});

test('without a script it answers as a provider would', async () => {
  const post = async (/** @type {object} */ body) => (await fetch(simulator.url + PATH, { method: 'POST', body: JSON.stringify(body) })).text();
  const messages = [{ role: 'user', content: 'hello' }];
  assert.equal(JSON.parse(await post({ model: 'm', messages })).choices[0].message.content, 'This answer is simulated.');
  const streamed = await post({ model: 'm', messages, stream: true });
  assert.ok(streamed.endsWith('data: [DONE]\n\n') && !streamed.includes('prompt_tokens'));
  assert.match(await post({ model: 'm', messages, stream: true, stream_options: { include_usage: true } }), /prompt_tokens/);
  assert.match(await post({ messages: [{ role: 'user', content: '/429' }] }), /simulated 429/);
});
