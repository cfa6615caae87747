// Events with their deliveries: what came of each endpoint's attempts, and sending them again.

import { get, post } from "./api.js";
import { h } from "./dom.js";
import { badge, button } from "./parts.js";
import { daysAgo, when } from "./times.js";
import { DELIVERIES, endpointName, EVENTS, plural, unescaped } from "./words.js";

const PAGE = 200;

/** All pages of a query, at most so many events. */
export async function readEvents(query, signal, most = 1000) {
  const found = [];
  let cursor = "";
  do {
    const page = await get("deliveries", { query: { limit: PAGE, ...query, cursor }, signal });
    found.push(...page.deliveries);
    cursor = page.cursor;
  } while (cursor && found.length < most);
  return found;
}

/** Reads what was done, oldest first, on from the page that was the last one before. */
export function doneReader(account, days) {
  const query = { account, state: "done", since: daysAgo(days), limit: PAGE };
  const found = new Map();
  let last = "";
  return async (signal) => {
    let cursor = last;
    do {
      last = cursor;
      const page = await get("deliveries", { query: { ...query, cursor }, signal });
      for (const event of page.deliveries) found.set(event.webhook_id, event);
      cursor = page.cursor;
    } while (cursor);
    return [...found.values()];
  };
}

/** What endpoints are called, by id. */
export async function readEndpointNames(signal) {
  const { endpoints } = await get("endpoints", { signal });
  return new Map(endpoints.map((one) => [one.id, endpointName(one)]));
}

/** act: runs an action and tells of it. accountOf: of whom, where many are shown. names: by id. */
export const eventsList = (events, { act, accountOf, names }) =>
  h(
    "ul",
    { class: "events" },
    events.map((event) => item(event, { act, accountOf, names })),
  );

function item(event, { act, accountOf, names }) {
  const again = () =>
    act(() => post(`deliveries/${event.webhook_id}/replay`), "It is sent again with the next run.");
  return h(
    "li",
    { "data-key": event.webhook_id },
    h(
      "div",
      { class: "row" },
      h(
        "div",
        { class: "grow" },
        h("p", { class: "strong" }, EVENTS[event.type] ?? event.type, accountOf?.(event)),
        h("p", { class: "subject" }, event.subject ?? event.message_id ?? ""),
        h(
          "p",
          { class: "soft small" },
          when(event.recorded_at),
          event.folder && ` \u00b7 ${event.folder}`,
        ),
      ),
      event.state !== "owed" &&
        button("Send again", again, { icon: "replay", kind: "quiet small" }),
    ),
    h(
      "ul",
      { class: "attempts" },
      event.endpoints.map((one) => attempt(one, names)),
    ),
    h("details", {}, h("summary", {}, "Webhook id"), h("code", {}, event.webhook_id)),
  );
}

const attempt = (one, names) =>
  h(
    "li",
    {},
    badge(DELIVERIES[one.state] ?? DELIVERIES.owed),
    h("span", { class: "cut" }, names.get(one.id) ?? one.id),
    h("span", { class: "soft small" }, outcome(one)),
    one.next_at && h("span", { class: "soft small" }, nextAttempt(one.next_at)),
    one.last_answer && h("code", { class: "answer" }, unescaped(one.last_answer)),
  );

const nextAttempt = (at) => (Date.parse(at) > Date.now() ? ["next ", when(at)] : "next one is due");

function outcome({ attempts, last_status: status }) {
  const made = plural(attempts, "attempt");
  if (!status) return attempts ? `${made}, no answer` : made;
  return `${made}, last answer ${status}`;
}
