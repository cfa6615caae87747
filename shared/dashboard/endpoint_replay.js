// Sends an endpoint's events of a time again, call after call until none is left.

import { post } from "./api.js";
import { ask } from "./dialogs.js";
import { h } from "./dom.js";
import { choice, field } from "./parts.js";
import { said } from "./telling.js";
import { daysAgo, instant } from "./times.js";
import { endpointName, plural } from "./words.js";

const STATES = [
  ["dead", "Dead letters: what it never took"],
  ["done", "Delivered: what it took within 7 days"],
];
const SPANS = [
  ["1", "the last day"],
  ["3", "the last 3 days"],
  ["7", "the last 7 days"],
  ["30", "the last 30 days"],
];

export async function replayed(endpoint, act) {
  const wanted = await asked(endpoint);
  if (wanted) act(() => all(endpoint.id, wanted));
}

const asked = (endpoint) =>
  ask({
    title: `Send again to ${endpointName(endpoint)}?`,
    content: [
      h(
        "p",
        {},
        "Each event is sent under the id it had: your application can tell that it has seen it.",
      ),
      field("Which events", choice("state", STATES, "dead")),
      field("Recorded within", choice("days", SPANS, "3")),
    ],
    does: "Send again",
    read: (form) => ({ state: form.elements.state.value, days: Number(form.elements.days.value) }),
  });

async function all(id, { state, days }) {
  const range = { since: daysAgo(days), until: instant(Date.now()), state };
  let count = 0;
  let next = "";
  do {
    const body = next ? { ...range, next } : range;
    const answer = await post(`endpoints/${id}/replay`, body);
    count += answer.replayed;
    next = answer.next;
    if (next) said(`${plural(count, "event")} so far …`);
  } while (next);
  return count
    ? `${plural(count, "event")} will be sent again with the next run.`
    : "There was nothing to send again.";
}
