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

const HINT_MAX_MS = 30_000;

/**
 * When a server that restarts wants its clients back: `reconnect_after_ms=N` in the reason of its close frame. A large
 * server spreads a large crowd so, and nobody waits longer than that takes.
 * @param {string} reason
 * @param {() => number} [random]
 */
export function hinted(reason, random = Math.random) {
  const told = /reconnect_after_ms=(\d+)/.exec(reason ?? "");
  return told ? Math.min(Number(told[1]), HINT_MAX_MS) : jitter(random);
}
