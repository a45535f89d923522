// @ts-check
// Sessions over HTTP: the conversations that the server keeps. The browser's cookie says whose they are.

import { ApiError, request, requestJson, unexpected } from './api.js';
import { keyFor } from './keys.js';
import { readRun } from './stream.js';

/** @typedef {import('./follow.js').Opened} Opened */
/** @typedef {{id: string, title: string | null, created_at: number, updated_at: number}} Listed */

const SESSIONS = '/api/v1/sessions';
const STREAM = '/api/v1/chat/stream';
const JSON_BODY = { 'content-type': 'application/json' };

/** @param {{system?: string, assistant?: string}} fields @param {AbortSignal} signal @returns {Promise<string>} its id */
export async function createSession(fields, signal) {
  return (await requestJson(SESSIONS, { method: 'POST', headers: JSON_BODY, body: JSON.stringify(fields), signal })).id;
}

/** @param {string} id @param {AbortSignal} signal @returns {Promise<{assistant: string}>} */
export function fetchSession(id, signal) {
  return requestJson(`${SESSIONS}/${id}`, { signal });
}

/** @param {string | null} before what the page before gave as next @returns {Promise<{sessions: Listed[], next: string | null}>} */
export function listSessions(before) {
  return requestJson(before ? `${SESSIONS}?before=${encodeURIComponent(before)}` : SESSIONS);
}

/** @param {string} id @param {string} title @returns {Promise<Listed>} */
export function renameSession(id, title) {
  return requestJson(`${SESSIONS}/${id}`, { method: 'PATCH', headers: JSON_BODY, body: JSON.stringify({ title }) });
}

/** @param {string} id */
export async function deleteSession(id) {
  await request(`${SESSIONS}/${id}`, { method: 'DELETE' });
}

/** @param {string} id @param {AbortSignal} signal @returns {Promise<{messages: Record<string, any>[], runs: Record<string, any>[]}>} */
export function fetchMessages(id, signal) {
  return requestJson(`${SESSIONS}/${id}/messages`, { signal });
}

/**
 * @param {string} body the unified request, as JSON
 * @param {string} key under which it is made only once, however often it is sent
 * @param {string} providerKey the person's own, or empty
 * @param {AbortSignal} signal
 * @returns {Promise<Opened>}
 */
export async function startRun(body, key, providerKey, signal) {
  const headers = {
    ...JSON_BODY, accept: 'text/event-stream', 'idempotency-key': key, ...(providerKey && { 'x-provider-key': providerKey }),
  };
  return open(await request(STREAM, { method: 'POST', headers, body, signal }));
}

/**
 * @param {string} id @param {string} lastEventId @param {AbortSignal} signal
 * @returns {Promise<Opened | null>} null if nothing follows, or what does is not kept as frames any more
 */
export async function attachRun(id, lastEventId, signal) {
  const query = new URLSearchParams({ session_id: id, last_event_id: lastEventId });
  try {
    const response = await request(`${STREAM}?${query}`, { headers: { accept: 'text/event-stream' }, signal });
    return response.status === 204 ? null : open(response);
  } catch (error) {
    if (error instanceof ApiError && error.param === 'last_event_id') return null;
    throw error;
  }
}

/** @param {string} id @returns {Promise<{stopped: boolean}>} */
export function stopRun(id) {
  return requestJson(`${STREAM}?session_id=${id}`, { method: 'DELETE' });
}

/** @param {string} id @returns {URL} */
export function socketAddress(id) {
  const address = new URL(`/api/v1/chat/ws?session_id=${id}`, location.href);
  // A socket of a browser has no headers of ours.
  if (keyFor('')) address.searchParams.set('key', keyFor(''));
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return address;
}

/** @param {Response} response @returns {Opened} */
function open(response) {
  const type = response.headers.get('content-type') ?? '';
  if (!response.body || !type.startsWith('text/event-stream')) throw unexpected(response);
  return {
    run: response.headers.get('x-run-id') ?? '',
    requestId: response.headers.get('x-request-id'),
    steps: readRun(response.body),
  };
}

/** @param {unknown} error @returns {boolean} whether it says that there is no such session */
export function isGone(error) {
  return error instanceof ApiError && error.type === 'not_found' && error.param === 'session_id';
}

/** A name for a request that nobody else gives; `randomUUID` is not there on every address. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
