// One account: how it stands, what to do, what came of its events, and what can be done with it.

import { drop, put } from "./accounts_store.js";
import { get, patch, post, remove } from "./api.js";
import { chart } from "./chart.js";
import { copyable } from "./copying.js";
import { ask } from "./dialogs.js";
import { h, link } from "./dom.js";
import { doneReader, eventsList, readEndpointNames, readEvents } from "./events_list.js";
import { button, card, empty, facts, head, loading, notice } from "./parts.js";
import { isMoment, lasting, when } from "./times.js";
import { plural, reason, standing, STANDINGS } from "./words.js";

const DAYS = 7;
const SHOWN = 50;
const BACK = { hash: "#/accounts", text: "Accounts" };

export function account({ id, act, drawn, leave }) {
  const known = {
    account: null,
    events: null,
    names: new Map(),
    days: 1,
    readDone: doneReader(id, 1),
  };

  async function read(signal) {
    known.account = put(await get(`accounts/${id}`, { signal }));
    drawn();
    known.names = await readEndpointNames(signal);
    known.events = await eventsOf(id, known.readDone, signal);
  }

  const changed = (status) => async () =>
    (known.account = put(await patch(`accounts/${id}`, { status })));
  const acts = {
    act,
    check: () => act(() => post(`accounts/${id}/check`), "The mailbox is looked at now."),
    pause: () => act(changed("paused"), "Paused."),
    resume: () => act(changed("active"), "Resumed: the mailbox is looked at now."),
    disconnect: async () => {
      if (await asked(known.account)) act(() => disconnected(known.account, leave));
    },
    older: () =>
      act(async () => Object.assign(known, { days: DAYS, readDone: doneReader(id, DAYS) }), ""),
  };

  return {
    title: () => known.account?.address || "Account",
    read,
    nodes: () =>
      known.account
        ? nodes(known, acts)
        : [head("Account", { back: BACK }), loading("Reading the account …")],
  };
}

/** Newest first; of what is in two lists, because it is sent again, as in the later one. */
async function eventsOf(account, readDone, signal) {
  const lists = await Promise.all([
    readDone(signal),
    readEvents({ account, state: "owed" }, signal),
    readEvents({ account, state: "dead" }, signal),
  ]);
  const byId = new Map(lists.flat().map((one) => [one.webhook_id, one]));
  return [...byId.values()].sort((one, other) => (one.recorded_at < other.recorded_at ? 1 : -1));
}

function nodes({ account, events, names, days }, acts) {
  return [
    head(account.address || account.id, {
      back: BACK,
      badge: STANDINGS[standing(account)],
      about: lasting(account.since),
      actions: actions(account, acts),
    }),
    trouble(account),
    h(
      "div",
      { class: "columns" },
      h(
        "div",
        { class: "stack" },
        card("Last 24 hours", {}, chart(account.activity)),
        eventsCard(events, names, days, acts),
      ),
      details(account, names),
    ),
  ];
}

function actions(account, { check, pause, resume, disconnect }) {
  const running = ["active", "blocked"].includes(account.status);
  return [
    running && button("Check now", check, { kind: "main", icon: "again" }),
    running && button("Pause", pause, { icon: "pause" }),
    account.status === "paused" && button("Resume", resume, { kind: "main", icon: "play" }),
    button("Disconnect …", disconnect, { kind: "quiet bad", icon: "trash" }),
  ];
}

function trouble(account) {
  const why = reason(account);
  if (!why) return null;
  const state = STANDINGS[standing(account)];
  const { action, message, link: url } = account.next;
  const step = action === "check" || why === message ? null : message;
  const more = account.reconnect_url
    ? copyable("Sign-in link for the owner", account.reconnect_url, "reconnect-link")
    : url && h("p", {}, link(url, "How to fix it"));
  return notice(state.tone, why, step, more);
}

function eventsCard(events, names, days, { act, older }) {
  const title = days > 1 ? `Events of ${DAYS} days` : "Latest events";
  const more = days < DAYS && button(`Show ${DAYS} days`, older, { kind: "more" });
  if (!events) return card(title, {}, loading("Reading events …"));
  const content = events.length
    ? eventsList(events.slice(0, SHOWN), { act, names })
    : empty("send", "Nothing yet", "What happens in this mailbox is listed here.");
  const left = events.length - SHOWN;
  return card(
    title,
    { actions: more },
    content,
    left > 0 && h("p", { class: "soft small" }, `${plural(left, "older event")} not shown.`),
  );
}

function details(account, names) {
  const own = account.endpoints.map((id) => names.get(id) ?? id).join(", ");
  const next = isMoment(account.next.at) ? when(account.next.at) : "waits for somebody";
  return card(
    "Details",
    {},
    facts([
      ["Last success", when(account.last_success_at)],
      ["Next check", next],
      ["Failures in a row", account.failures],
      ["Waiting deliveries", account.owed],
      ["Dead letters", account.dead],
      ["Code", account.code && h("code", {}, account.code)],
      ["Reference", account.reference],
      [
        "Labels",
        account.labels.length > 0 &&
          account.labels.map((one) => h("span", { class: "label" }, one)),
      ],
      ["Kind", account.kind.replace("_", "-")],
      ["Shared mailbox", account.shared_mailbox],
      ["Aliases", account.aliases.join(", ")],
      ["Folders", account.folders.join(", ")],
      [
        "Endpoints",
        own ? (account.common_endpoints ? `${own}, and the common ones` : own) : "the common ones",
      ],
      ["No endpoint took", account.filtered > 0 && plural(account.filtered, "event")],
      ["Connected", when(account.connected_at)],
      ["Id", h("code", {}, account.id)],
    ]),
  );
}

function asked(account) {
  const owed = plural(account.owed, "waiting delivery", "waiting deliveries");
  const dead = plural(account.dead, "dead letter");
  return ask({
    title: `Disconnect ${account.address || account.id}?`,
    content: [
      h("p", {}, "This can\u2019t be undone. At once:"),
      h(
        "ul",
        {},
        h("li", {}, "its mail is no longer looked for, and its token is deleted;"),
        h("li", {}, `all that is stored of it is deleted, ${owed} and ${dead} included;`),
        h("li", {}, "your endpoints are told with account.disconnected."),
      ),
      h("p", {}, "Nothing in the mailbox changes."),
      h("p", {}, "To have it read again, its owner has to sign in again."),
    ],
    does: "Disconnect",
    danger: true,
  });
}

async function disconnected(account, leave) {
  const { revoke_at: url } = await remove(`accounts/${account.id}`);
  drop(account.id);
  leave("#/accounts");
  return `${account.address} is disconnected. Its owner takes the permission back at ${url}`;
}
