// Says what came of something: on the screen for a while, and to screen readers.

const SHOWN_MS = 7000;
const timers = new Map();

export const said = (text) => tell("said", text);
export const failed = (text) => tell("failed", text);

/** Takes away what was told: somebody has gone on. */
export const hush = () => ["said", "failed"].forEach((id) => tell(id, ""));

function tell(id, text) {
  const place = document.getElementById(id);
  place.textContent = text;
  clearTimeout(timers.get(id));
  timers.set(
    id,
    setTimeout(() => (place.textContent = ""), SHOWN_MS),
  );
}
