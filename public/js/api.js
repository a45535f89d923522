// @ts-check
// Requests to the gateway's HTTP API. Every failure before the first byte leaves here as an ApiError.

import { keyFor } from './keys.js';
import { WORDS } from './words.js';

/**
 * @typedef {{name: string, dialect: string, configured: boolean, streams: boolean, default_model: string,
 *   models: string[], any_model: boolean, key_variable: string | null, description: string}} Provider
 */

export class ApiError extends Error {
  /**
   * @param {{type: string, message: string, status?: number, param?: string | null, retryAfter?: string | null,
   *   requestId?: string | null}} fields status: 0 if there was no answer at all
   */
  constructor({ type, message, status = 0, param = null, retryAfter = null, requestId = null }) {
    super(message);
    this.type = type;
    this.status = status;
    this.param = param;
    this.retryAfter = retryAfter;
    this.requestId = requestId;
  }
}

/** @param {unknown} error whether the same request may well succeed in a moment */
export function isPassing(error) {
  return error instanceof ApiError && (error.type === 'unreachable' || error.status === 429 || error.status >= 500);
}

/** @returns {Promise<{default: string, providers: Provider[]}>} */
export function fetchProviders() {
  return requestJson('/api/v1/providers');
}

/** @returns {Promise<{assistants: {name: string, description: string}[]}>} */
export function fetchAssistants() {
  return requestJson('/api/v1/assistants');
}

/** @returns {Promise<{collections: {name: string}[]}>} */
export function fetchCollections() {
  return requestJson('/api/v1/collections');
}

/** @param {string} path @param {RequestInit} [init] @returns {Promise<any>} */
export async function requestJson(path, init = {}) {
  const response = await request(path, init);
  try {
    return await response.json();
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error;
    throw unexpected(response);
  }
}

/** @param {string} path @param {RequestInit} init */
export async function request(path, init) {
  let response;
  try {
    const key = keyFor('');
    const headers = { ...init.headers, ...(key && { authorization: `Bearer ${key}` }) };
    response = await fetch(path, { cache: 'no-store', ...init, headers });
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw error;
    throw new ApiError({ type: 'unreachable', message: WORDS.unreachable });
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
    status: response.status,
    param: error.param,
    retryAfter: response.headers.get('retry-after'),
    requestId: error.request_id ?? response.headers.get('x-request-id'),
  });
}

/** @param {Response} response */
export function unexpected(response) {
  return new ApiError({
    type: 'unexpected',
    status: response.status,
    message: WORDS.unexpected(response.status),
    requestId: response.headers.get('x-request-id'),
  });
}
