// The list of accounts: searched, filtered and paged here, since all of them are at hand.

import { readAll, store } from "./accounts_store.js";
import { table } from "./accounts_table.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { button, empty, go, head, loading } from "./parts.js";
import { plural, standing, STANDINGS } from "./words.js";

const ROWS = 50;

const FILTERS = [
  ["", "All", () => true],
  ["trouble", "Needs attention", (one) => !["active", "paused"].includes(standing(one))],
  ...Object.entries(STANDINGS).map(([name, { word }]) => [
    name,
    word,
    (one) => standing(one) === name,
  ]),
  ["owing", "Owed or dead", (one) => one.owed + one.dead > 0],
];

export function accounts({ query, drawn, navigate }) {
  let page = 0;
  const chosen = { status: query.get("status") ?? "", text: query.get("text") ?? "" };

  function change(changes) {
    Object.assign(chosen, changes);
    page = 0;
    const search = new URLSearchParams(Object.entries(chosen).filter(([, value]) => value));
    navigate(`#/accounts${search.size ? `?${search}` : ""}`);
    drawn();
  }

  function nodes() {
    const all = [...store.accounts.values()];
    const found = sorted(all.filter((one) => matches(one, chosen.text)));
    const shown = found.filter(
      FILTERS.find(([name]) => name === chosen.status)?.[2] ?? (() => true),
    );
    const pages = Math.max(Math.ceil(shown.length / ROWS), 1);
    page = Math.min(page, pages - 1);
    const turn = (to) => {
      page = to;
      drawn();
      document.getElementById("rows").focus();
    };
    return [
      head("Accounts", {
        about: told(all.length),
        actions: [go("#/connect", "Connect a mailbox", { icon: "plus" })],
      }),
      toolbar(chosen, found, change),
      h("p", { class: "hidden", role: "status" }, `${plural(shown.length, "account")} shown`),
      body(all, shown, page, change),
      pages > 1 && pager(page, pages, shown.length, turn),
    ];
  }

  return { title: "Accounts", read: (signal) => readAll(signal, drawn), nodes };
}

const told = (count) =>
  store.complete ? plural(count, "account") : `${plural(count, "account")} so far, reading on …`;

function sorted(accounts) {
  const rank = (one) => STANDINGS[standing(one)].rank;
  return accounts.sort(
    (one, other) => rank(one) - rank(other) || one.address.localeCompare(other.address),
  );
}

function matches(account, text) {
  const wanted = text.trim().toLowerCase();
  const searched = [
    account.address,
    account.reference,
    account.id,
    account.code,
    ...account.labels,
  ];
  return !wanted || searched.some((one) => one.toLowerCase().includes(wanted));
}

const toolbar = (chosen, found, change) =>
  h(
    "div",
    { class: "toolbar", role: "search" },
    h(
      "div",
      { class: "searching" },
      icon("search"),
      h("input", {
        type: "search",
        "aria-label": "Search accounts",
        placeholder: "Address, reference, label or code",
        value: chosen.text,
        oninput: (event) => change({ text: event.target.value }),
      }),
    ),
    h(
      "div",
      { class: "chips", role: "group", "aria-label": "Status" },
      FILTERS.map(([name, word, takes]) => {
        const count = found.filter(takes).length;
        const pressed = chosen.status === name;
        if (!count && !pressed && name) return null;
        return h(
          "button",
          {
            type: "button",
            class: "chip",
            "data-key": word,
            "aria-pressed": String(pressed),
            onclick: () => change({ status: name }),
          },
          word,
          h("span", { class: "count" }, count.toLocaleString("en")),
        );
      }),
    ),
  );

function body(all, shown, page, change) {
  if (!all.length && !store.complete) return loading("Reading accounts …");
  if (!all.length)
    return empty(
      "mail",
      "No mailbox is connected yet",
      "Make an invitation, and open its link or send it to the mailbox\u2019s owner.",
      go("#/connect", "Connect a mailbox", { icon: "plus" }),
    );
  if (!shown.length) {
    const clear = () => {
      document.querySelector("[type=search]").value = "";
      change({ status: "", text: "" });
    };
    const text = "No account fits this search and this status.";
    return empty("search", "Nothing fits", text, button("Show all accounts", clear));
  }
  return table(shown.slice(page * ROWS, (page + 1) * ROWS));
}

const pager = (page, pages, count, turn) =>
  h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    button("Previous", () => turn(page - 1), { disabled: page === 0 }),
    h("span", { class: "soft" }, shownOf(page, count)),
    button("Next", () => turn(page + 1), { disabled: page === pages - 1 }),
  );

function shownOf(page, count) {
  const last = Math.min((page + 1) * ROWS, count);
  return `${page * ROWS + 1}\u2013${last} of ${count.toLocaleString("en")}`;
}
