// How long to wait before the next attempt.

export const BASE_MS = 500;
export const CAP_MS = 15_000;

/**
 * Doubles per attempt up to the cap; between half and all of it, so that many clients do not come back in step.
 * @param {number} attempt 0 for the first wait
 * @param {() => number} [random]
 */
export function backoff(attempt, random = Math.random) {
  const full = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 16));
  return Math.round(full / 2 + (random() * full) / 2);
}

/**
 * The wait after the server asked to reconnect at once: just enough to spread a crowd.
 * @param {() => number} [random]
 */
export function jitter(random = Math.random) {
  return Math.round(random() * 300);
}
