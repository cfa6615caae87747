// The table of accounts: on a phone its rows are cards.

import { spark } from "./chart.js";
import { h, link } from "./dom.js";
import { badge } from "./parts.js";
import { shortly } from "./times.js";
import { reason, standing, STANDINGS } from "./words.js";

/** The focus comes here when the page is turned: #rows. */
export const table = (accounts) =>
  h(
    "div",
    { class: "card flush", id: "rows", tabindex: "-1" },
    h(
      "table",
      { class: "list" },
      h("caption", { class: "hidden" }, "Accounts"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["Mailbox", "Status", "24 hours", "Last success", "Next check", "Owed", "Dead"].map(
            (name) => h("th", { scope: "col", class: isNumber(name) }, name),
          ),
        ),
      ),
      h("tbody", {}, accounts.map(row)),
    ),
  );

const isNumber = (name) => ["Owed", "Dead"].includes(name) && "number";

const cell = (name, attributes, ...content) =>
  h("td", { "data-name": name, ...attributes }, h("div", {}, content));

function row(account) {
  const state = STANDINGS[standing(account)];
  return h(
    "tr",
    { "data-key": account.id },
    h(
      "th",
      { scope: "row" },
      h(
        "a",
        { class: "strong cut", href: `#/accounts/${account.id}` },
        account.address || account.id,
      ),
      h(
        "div",
        { class: "soft small cut" },
        [account.reference, ...account.labels].filter(Boolean).join(" \u00b7 "),
      ),
    ),
    cell("Status", { class: "why" }, badge(state), why(account)),
    cell("24 hours", { class: "sparks" }, spark(account.activity)),
    cell("Last success", {}, shortly(account.last_success_at, "never")),
    cell("Next check", {}, shortly(account.next.at)),
    cell("Owed", { class: kind(account.owed) }, account.owed.toLocaleString("en")),
    cell("Dead", { class: kind(account.dead, "bad") }, account.dead.toLocaleString("en")),
  );
}

const kind = (count, tone = "") => `number ${count ? tone : "zero"}`;

function why(account) {
  const text = reason(account);
  const { action, link: url } = account.next;
  const fix = url && link(url, action === "reconnect" ? "Sign-in link" : "How to fix it");
  return text && h("p", { class: "soft small" }, text, " ", fix);
}
