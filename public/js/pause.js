// @ts-check
// Waiting that ends early when the browser is online again.

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal rejects the wait
 * @returns {Promise<boolean>} whether it ended early
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const finish = (/** @type {Event | undefined} */ event) => {
      clearTimeout(timer);
      removeEventListener('online', finish);
      signal.removeEventListener('abort', finish);
      if (signal.aborted) reject(signal.reason);
      else resolve(event?.type === 'online');
    };
    const timer = setTimeout(() => finish(undefined), milliseconds);
    addEventListener('online', finish);
    signal.addEventListener('abort', finish);
    if (signal.aborted) finish(undefined);
  });
}
