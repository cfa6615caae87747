// Live: work is done again and again while somebody can see the page.

/**
 * Does `work(signal)` now, and again so many seconds after it has ended; not in a hidden tab.
 * Gives `now` (to do it at once) and `stop`.
 */
export function repeat(work, seconds) {
  const stopped = new AbortController();
  const { signal } = stopped;
  let wake = () => {};
  const pause = () =>
    new Promise((done) => {
      const timer = setTimeout(done, seconds() * 1000);
      wake = () => (clearTimeout(timer), done());
    });
  (async () => {
    while (!signal.aborted) {
      await work(signal);
      await pause();
      await seen();
    }
  })();
  return { now: () => wake(), stop: () => (stopped.abort(), wake()) };
}

/** Resolves once the page can be seen. */
function seen() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((done) =>
    document.addEventListener("visibilitychange", () => done(), { once: true }),
  );
}
