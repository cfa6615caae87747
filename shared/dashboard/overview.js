// The overview: is all well, and where is it not.

import { readAll, store } from "./accounts_store.js";
import { get } from "./api.js";
import { chart, sum } from "./chart.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { badge, card, empty, go, head, notice } from "./parts.js";
import { lasting, when } from "./times.js";
import { endpointName, endpointStanding, reason, standing, STANDINGS } from "./words.js";

const SHOWN = 8;

export function overview({ drawn }) {
  const known = { health: null, endpoints: null };

  async function read(signal) {
    const health = get("health/details", { signal }).then((told) => ((known.health = told), drawn()));
    const endpoints = get("endpoints", { signal }).then(
      (told) => (known.endpoints = told.endpoints),
    );
    await Promise.all([health, endpoints, readAll(signal, drawn)]);
  }

  return { title: "Overview", read, nodes: () => nodes(known) };
}

function nodes({ health, endpoints }) {
  const accounts = [...store.accounts.values()];
  if (store.complete && !accounts.length) return [head("Overview"), strip(health), welcome()];
  return [
    head("Overview", { about: store.complete ? null : "Reading accounts …" }),
    strip(health),
    tiles(accounts),
    h(
      "div",
      { class: "columns" },
      card("Last 24 hours", {}, chart(sum(accounts.map((one) => one.activity)))),
      deliveries(accounts, endpoints),
    ),
    attention(accounts),
  ];
}

function strip(health) {
  if (!health) return notice("soft", "Asking how it is …");
  const last = health.timer?.last_tick;
  const beat = last && h("p", {}, "The timer ran ", when(last), ".");
  if (health.status === "ok") return notice("good", "All systems work", null, beat);
  const problems = (health.problems ?? []).map((one) => h("li", {}, one.message));
  return notice("bad", "Something needs you", null, [h("ul", {}, problems), beat]);
}

/** One for each state; those that pass by themselves only where there are any. */
function tiles(accounts) {
  const names = accounts.map((one) => standing(one));
  const states = Object.entries(STANDINGS)
    .map(([name, state]) => ({
      name,
      ...state,
      number: names.filter((one) => one === name).length,
    }))
    .filter(({ name, number }) => number || !["late", "retrying"].includes(name))
    .sort((one, other) => other.rank - one.rank);
  return h(
    "ul",
    { class: "tiles" },
    states.map(({ name, number, word, tone, icon }) =>
      tile(`#/accounts?status=${name}`, number, word, number ? tone : "soft", icon),
    ),
  );
}

const tile = (hash, number, word, tone, name) =>
  h(
    "li",
    { "data-key": word },
    h(
      "a",
      { class: `tile ${tone}`, href: hash },
      h("span", { class: "number" }, number.toLocaleString("en")),
      h("span", { class: "word" }, icon(name), word),
    ),
  );

function deliveries(accounts, endpoints) {
  const total = (name) => accounts.reduce((sum, one) => sum + one[name], 0);
  const dead = total("dead");
  return card(
    "Deliveries",
    { actions: go("#/endpoints", "Endpoints", { kind: "more" }) },
    h(
      "ul",
      { class: "tiles flat" },
      tile("#/accounts?status=owing", total("owed"), "Waiting", "soft", "clock"),
      tile("#/dead-letters", dead, "Dead letters", dead ? "bad" : "soft", "dead"),
    ),
    endpoints && h("ul", { class: "plain" }, endpoints.map(endpointLine)),
  );
}

const endpointLine = (one) =>
  h(
    "li",
    { class: "line", "data-key": one.id },
    h("span", { class: "grow cut" }, endpointName(one)),
    badge(endpointStanding(one)),
  );

function attention(accounts) {
  const rank = (one) => STANDINGS[standing(one)].rank;
  const ill = accounts
    .filter((one) => !["active", "paused"].includes(standing(one)))
    .sort((one, other) => rank(one) - rank(other) || (one.since < other.since ? 1 : -1));
  const title = "Needs attention";
  if (!ill.length) return card(title, {}, h("p", { class: "soft" }, "No mailbox is in trouble."));
  const more = go("#/accounts?status=trouble", `All ${ill.length}`, { kind: "more" });
  return card(
    title,
    { actions: ill.length > SHOWN && more },
    h(
      "ul",
      { class: "plain" },
      ill
        .slice(0, SHOWN)
        .map((one) =>
          h(
            "li",
            { class: "line wraps", "data-key": one.id },
            badge(STANDINGS[standing(one)]),
            h(
              "div",
              { class: "grow" },
              h("a", { class: "strong", href: `#/accounts/${one.id}` }, one.address || one.id),
              h("p", { class: "soft small" }, reason(one)),
            ),
            h("span", { class: "soft small" }, lasting(one.since)),
          ),
        ),
    ),
  );
}

const welcome = () =>
  card(
    "Begin here",
    {},
    empty(
      "mail",
      "No mailbox is connected yet",
      "Make an invitation, and open its link or send it to the mailbox\u2019s owner.",
      go("#/connect", "Connect a mailbox", { icon: "plus" }),
    ),
  );
