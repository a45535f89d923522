// @ts-check
// All that the page's scripts say. What stands in the page from the beginning is in index.html: whoever translates the
// page needs these two files and no others.

export const WORDS = {
  lost: 'Connection lost, trying again',
  offline: 'You are offline: it goes on by itself',
  again: (/** @type {number} */ seconds) => `in ${seconds} s`,
  loading: 'Loading',
  answering: 'Answering',
  stopped: 'Stopped',
  done: 'Done',
  notStopped: 'Not stopped: the server cannot be reached',
  error: (/** @type {string} */ title) => `Error: ${title}`,
  answerGone: 'The server does not have this answer any more.',
  otherFirst: 'Another window was first: your message is back in the box',
  otherAsked: 'Another window has asked something else meanwhile.',
  unreachable: 'Check that it is running and that you are online.',
  unexpected: (/** @type {number} */ status) => `The server answered with status ${status} and nothing this page can read.`,
  unreadable: 'The server sent something this page cannot read.',
  vanished: 'This conversation no longer exists',
  demo: 'Scripted demo: no model is running.',
  demoOther: 'For a real one, choose another provider.',
  demoSet: (/** @type {string} */ variable) => `For a real one, set ${variable} and start again.`,
  noProviders: (/** @type {string} */ why) => `The list of providers could not be loaded${why ? `: ${why}` : ''}.`,
  notConfigured: 'Not configured',
  toSet: (/** @type {string} */ name, /** @type {string} */ variable) => `${name}: set ${variable}`,
  itsAddress: 'its address',
  defaultModel: 'default',
  anyModel: 'Any model name this provider knows',
  oneOf: (/** @type {string[]} */ models) => `One of: ${models.join(', ')}`,
  noAssistant: 'none',
  thoughts: 'Thoughts',
  copied: 'Copied',
  notCopied: 'Could not copy',
  copy: 'Copy',
  empty: 'The answer was empty',
  request: (/** @type {string} */ id) => `Request ${id}`,
  ownCall: 'Done by the gateway',
  failedCall: 'The call failed',
  untitled: 'Untitled',
  rename: (/** @type {string} */ title) => `Rename ${title}`,
  delete: (/** @type {string} */ title) => `Delete ${title}`,
  noSessions: 'No conversations yet: your first message begins one.',
  noneLeft: 'No conversations are left.',
  mapOf: (/** @type {string[]} */ places) => (places.length ? `Map with ${places.join(', ')}` : 'Map'),
  morePlaces: (/** @type {number} */ count) => `${count.toLocaleString('en')} more places are not shown`,
  latitude: (/** @type {number} */ degrees) => `${Math.abs(degrees)}°${degrees ? (degrees > 0 ? ' N' : ' S') : ''}`,
  longitude: (/** @type {number} */ degrees) => `${Math.abs(degrees)}°${degrees % 180 ? (degrees > 0 ? ' E' : ' W') : ''}`,
  text: 'text',
  toDo: 'to do',
  isDone: 'done',
  removePicture: (/** @type {number} */ number) => `Remove picture ${number}`,
  picture: (/** @type {number} */ number) => `Picture ${number}`,
  noPicture: 'This picture cannot be read',
  tooManyPictures: (/** @type {number} */ most) => `At most ${most} pictures go with a message`,
  you: 'You',
  answerFrom: (/** @type {string} */ who) => `Answer${who ? ` from ${who}` : ''}`,
  thought: 'Thought',
  toolCall: 'Tool call',
  result: 'Result',
  sources: 'Sources',
};

/** What the first screen offers; an assistant is chosen with it. @type {{title: string, prompt: string, assistant?: string}[]} */
export const DEMO_IDEAS = [
  { title: 'See what it can do', prompt: 'What can you do?' },
  { title: 'Watch it think', prompt: '/think Why is the sky blue?' },
  { title: 'Travel with a map', prompt: 'Show me the sights of Tokyo', assistant: 'travel' },
];
/** @type {{title: string, prompt: string, assistant?: string}[]} */
export const MODEL_IDEAS = [
  { title: 'Get to know it', prompt: 'What can you do?' },
  { title: 'Markdown and code', prompt: 'Show me a table of the planets and a few lines of code that print it.' },
  { title: 'Travel with a map', prompt: 'Plan a day in Lisbon and show me the places.', assistant: 'travel' },
];

/** @type {Record<string, string>} */
const ERROR_TITLES = {
  unreachable: 'The server cannot be reached',
  lost: 'The connection was lost',
  truncated: 'The answer broke off',
  interrupted: 'The answer was interrupted',
  cancelled: 'The answer was cancelled',
  timeout: 'The provider took too long',
  overloaded: 'The provider is not available right now',
  rate_limited: 'Too many requests',
  provider_error: 'The provider reported an error',
  provider_auth_error: 'The provider needs a valid key',
  authentication_error: 'This gateway asks for a key',
  permission_denied: 'This page is not allowed to do that',
  model_not_supported: 'This model is not available here',
  unknown_provider: 'This provider is not known here',
  content_filter: 'A safety filter blocked the answer',
  not_found: 'This is not there any more',
  conflict: 'Something else is under way',
  invalid_request: 'The request was not accepted',
  budget_exceeded: 'The budget is used up',
};

/** @type {Record<string, string>} */
const FINISHES = {
  length: 'Cut off: the token limit was reached',
  tool_calls: 'Waiting for a tool result',
  content_filter: 'Cut off by a safety filter',
  refusal: 'The model declined',
  pause: 'The model paused',
  cancelled: 'Stopped',
};

/** @param {string} type */
export function errorTitle(type) {
  return ERROR_TITLES[type] ?? 'Something went wrong';
}

/** @param {string | null} seconds the header `retry-after` */
export function retryAdvice(seconds) {
  return seconds && /^\d+$/.test(seconds) ? `Try again in ${seconds} seconds.` : '';
}

/** @param {string | null} reason @returns {string} empty for the usual end */
export function finishNote(reason) {
  if (!reason || reason === 'stop') return '';
  return FINISHES[reason] ?? `Ended: ${reason}`;
}

/** @param {Record<string, any> | null} usage */
export function usageLine(usage) {
  return [tokenLine(usage), costLine(usage?.cost)].filter(Boolean).join(' · ');
}

/** @param {unknown} cost US dollars */
function costLine(cost) {
  if (typeof cost !== 'number') return '';
  if (cost > 0 && cost < 0.0001) return 'under $0.0001';
  return `$${cost.toLocaleString('en', { maximumSignificantDigits: 3, minimumFractionDigits: cost ? 2 : 0 })}`;
}

/**
 * @param {unknown} tokens
 * @param {{first: number, writing: number} | null} times milliseconds until the first words, and from then on
 */
export function timeLine(tokens, times) {
  if (!times) return '';
  const first = `first words after ${(times.first / 1000).toLocaleString('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })} s`;
  // What comes at once has no speed.
  const isFast = times.writing < 100 || !Number(tokens);
  return isFast ? first : `${first} · ${count(Math.round(Number(tokens) / (times.writing / 1000)))} tokens/s`;
}

/** @param {Record<string, any> | null} usage */
function tokenLine(usage) {
  if (!usage) return '';
  const parts = [`${count(usage.input_tokens)} in`, `${count(usage.output_tokens)} out`];
  if (usage.reasoning_tokens) parts.push(`${count(usage.reasoning_tokens)} thinking`);
  if (usage.cached_tokens) parts.push(`${count(usage.cached_tokens)} cached`);
  return `${parts.join(' · ')} tokens${usage.estimated ? ' (estimated)' : ''}`;
}

/** @param {number} milliseconds */
export function thoughtFor(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 1 ? 'Thought for a moment' : `Thought for ${seconds} s`;
}

/** @param {number} at @param {number} now milliseconds since 1970 @returns {string} the time of today, the date of other days */
export function whenUsed(at, now) {
  const [then, today] = [new Date(at), new Date(now)];
  if (then.toDateString() === today.toDateString()) return then.toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const year = then.getFullYear() === today.getFullYear() ? undefined : 'numeric';
  return then.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year });
}

/** @param {unknown} value */
function count(value) {
  return Number(value ?? 0).toLocaleString('en');
}
