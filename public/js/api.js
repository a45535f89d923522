// @ts-check
// The gateway's HTTP API as this page uses it. Every failure before the first byte leaves here as an ApiError.

import { readRun } from './stream.js';

/**
 * @typedef {{name: string, dialect: string, configured: boolean, streams: boolean, default_model: string,
 *   models: string[], any_model: boolean, key_variable: string | null, description: string}} Provider
 */

export class ApiError extends Error {
  /** @param {{type: string, message: string, retryAfter?: string | null, requestId?: string | null}} fields */
  constructor({ type, message, retryAfter = null, requestId = null }) {
    super(message);
    this.type = type;
    this.retryAfter = retryAfter;
    this.requestId = requestId;
  }
}

/** @returns {Promise<{default: string, providers: Provider[]}>} */
export async function fetchProviders() {
  const response = await request('/api/v1/providers', {});
  try {
    return await response.json();
  } catch {
    throw unexpected(response);
  }
}

/**
 * @param {Record<string, unknown>} chat the unified request
 * @param {AbortSignal} signal
 */
export async function startRun(chat, signal) {
  const response = await request('/api/v1/chat/stream', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify(chat),
    signal,
  });
  const type = response.headers.get('content-type') ?? '';
  if (!response.body || !type.startsWith('text/event-stream')) throw unexpected(response);
  return { requestId: response.headers.get('x-request-id'), steps: readRun(response.body) };
}

/** @param {string} path @param {RequestInit} init */
async function request(path, init) {
  let response;
  try {
    response = await fetch(path, { cache: 'no-store', ...init });
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error;
    throw new ApiError({ type: 'unreachable', message: 'Check that it is running and that you are online.' });
  }
  if (!response.ok) throw await readError(response);
  return response;
}

/** @param {Response} response */
async function readError(response) {
  const body = await response.json().catch(() => null);
  const error = body?.error;
  if (typeof error?.type !== 'string') return unexpected(response);
  return new ApiError({
    type: error.type,
    message: String(error.message ?? ''),
    retryAfter: response.headers.get('retry-after'),
    requestId: error.request_id ?? response.headers.get('x-request-id'),
  });
}

/** @param {Response} response */
function unexpected(response) {
  return new ApiError({
    type: 'unexpected',
    message: `The server answered with status ${response.status} and nothing this page can read.`,
    requestId: response.headers.get('x-request-id'),
  });
}
