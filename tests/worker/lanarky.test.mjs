// @ts-check
/** The public Python package `lanarky`, unchanged: its client of streams, and its client of sockets. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as openai from '../simulator/formats/openai_chat.mjs';
import { hangUp } from '../simulator/wire.mjs';
import { startGateway } from './gateway.mjs';
import { APART, lacks, runPython } from './python/run.mjs';

/** Line breaks and spaces are what its events could lose. */
const LINES = ['a\nb', ' ', '  c', '\n\n', 'é🌊', 'd\n', ':"}'];

/** @type {Awaited<ReturnType<typeof startGateway>>} */
let gateway;
before(async () => { gateway = await startGateway(); });
after(() => gateway?.stop());

test('lanarky streams, talks in rounds, and is told of failures', { skip: lacks('lanarky.clients', APART) }, async () => {
  gateway.simulator.script(({ body }) => {
    if (body.includes('"lines"')) return openai.streamed({ text: LINES });
    if (body.includes('"cut"')) return openai.streamOf([...openai.frames({ text: ['one ', 'two'] }).slice(0, 2), hangUp()]);
    return openai.streamed({ text: ['fi', 'ne'] });
  });
  const { url, headers, devUrl } = gateway.worker;
  const seen = await runPython('lanarky_smoke.py', { url, headers, path: APART }, `${devUrl.replace(/^http/, 'ws')}/ws`, `openai/${openai.MODEL}`);

  const lines = LINES.map((text) => ['completion', text]);
  const fine = [['completion', 'fi'], ['completion', 'ne']];
  const [streamed, cut, refused] = seen.streamed;
  assert.deepEqual(streamed, [...lines, ['end', '']]);
  assert.match(refused, /application\/json/, 'what fails before it begins is no stream');
  const [[, said], [event, data], ...rest] = cut;
  assert.deepEqual([said, event, rest], ['one ', 'error', []]);
  assert.deepEqual(Object.keys(JSON.parse(data)), ['status_code', 'detail']);

  const [first, second, third] = seen.rounds;
  assert.deepEqual([first, third, seen.text, seen.bytes], [lines, fine, [fine], [fine]]);
  const [delta, [failed, told], ...none] = second;
  assert.deepEqual([delta, failed, none], [['completion', 'one '], 'error', []]);
  assert.ok(told.status_code >= 500 && told.detail !== '');
});
