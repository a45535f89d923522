// @ts-check
/** What the providers answer to `openai_smoke.py`, by what it says to them. */
import * as anthropic from '../../simulator/formats/anthropic.mjs';
import * as gemini from '../../simulator/formats/gemini.mjs';

/** @param {import('../../simulator/simulator.mjs').Recorded} request @returns {import('../../simulator/wire.mjs').Reply} */
export const reply = ({ path, body }) => (path.includes('/v1/messages') ? fromAnthropic(body) : fromGemini(body));

/** @param {string} asked */
function fromAnthropic(asked) {
  const said = (/** @type {string} */ text) => anthropic.streamed({ blocks: [{ text: [text] }] });
  if (asked.includes('Rain.')) return said('fine');
  if (asked.includes('parse')) return said('{"a":1}');
  if (asked.includes('refused')) return anthropic.failed(429, 'rate_limit_error', 'slow down');
  if (asked.includes('break')) {
    const busy = anthropic.event(anthropic.error('overloaded_error', 'too busy'));
    return anthropic.streamOf([...anthropic.frames({ blocks: [{ text: ['Hel', 'lo'] }] }).slice(0, 4), busy]);
  }
  return anthropic.streamed({ blocks: [
    { thinking: ['Hm', '.'], signature: 'c2ln' }, { text: ['I ', 'look.'] }, { id: 'a', name: 'look', input: ['{"at":', '"Oslo"}'] },
  ] });
}

/** @param {string} asked */
function fromGemini(asked) {
  if (asked.includes('Rain.')) return gemini.streamed({ text: ['fine'] });
  if (asked.includes('parse')) return gemini.streamed({ text: ['{"a"', ':1}'] });
  if (asked.includes('refused')) return gemini.failed(429, 'RESOURCE_EXHAUSTED', 'slow down');
  if (asked.includes('break')) {
    return gemini.streamOf([gemini.response([{ text: 'Hel' }]), gemini.failure(503, 'UNAVAILABLE', 'too busy')]);
  }
  return gemini.streamed({ thinking: ['Hm', '.'], text: ['I ', 'look.'], toolCalls: [{ id: 'a', name: 'look', args: { at: 'Oslo' } }], signature: 'c2ln' });
}
