// @ts-check
/** Reads a stream of Responses and holds it to the vendor's rules. */
import assert from 'node:assert/strict';

/**
 * The events: named as they are typed, numbered from 0 without gaps, and one terminal event, the last.
 * Comments are allowed between them.
 *
 * @param {string} raw @returns {({ type: string } & Record<string, any>)[]}
 */
export function readResponses(raw) {
  assert.ok(raw.endsWith('\n\n'), `the stream ends with a whole event, not with ${JSON.stringify(raw.slice(-60))}`);
  const events = raw.slice(0, -2).split('\n\n').map((block, number) => {
    const [, name, data] = /^(?:: hb\n)*event: (\S+)\ndata: ([^\n]+)$/.exec(block) ?? [];
    assert.ok(data, `an event has a name and one line of data: ${block.slice(0, 200)}`);
    const event = JSON.parse(data);
    assert.deepEqual([event.type, event.sequence_number], [name, number]);
    return event;
  });
  const terminal = (/** @type {{ type: string }} */ { type }) => ['response.completed', 'response.incomplete', 'response.failed'].includes(type);
  assert.deepEqual(events.map(terminal), events.map((_, number) => number === events.length - 1), 'one terminal event, the last');
  assert.deepEqual(events.slice(0, 2).map(({ type }) => type), ['response.created', 'response.in_progress']);
  return events;
}
