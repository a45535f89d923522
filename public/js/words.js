// @ts-check
// What the page says about errors, endings, usage and times.

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
