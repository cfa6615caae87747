// Connect a mailbox: makes an invitation and shows its link.

import { get, post } from "./api.js";
import { copyable } from "./copying.js";
import { h } from "./dom.js";
import { button, card, choice, facts, field, go, head } from "./parts.js";
import { when } from "./times.js";
import { endpointName } from "./words.js";

const LIVES = [
  ["86400", "a day"],
  ["604800", "7 days"],
  ["2592000", "30 days"],
  ["7776000", "90 days"],
];
const KINDS = [
  ["", "any account"],
  ["personal", "personal (Outlook.com)"],
  ["work", "work or school (Microsoft 365)"],
];
const STARTS = [
  ["", "the unseen mail that is there"],
  ["now", "nothing: only what comes from now on"],
];
const LISTS = ["labels", "folders"];

export function connect({ act }) {
  const known = { endpoints: [], made: null };

  async function read(signal) {
    known.endpoints = (await get("endpoints", { signal })).endpoints;
  }

  const submit = (event) => {
    event.preventDefault();
    const wanted = body(new FormData(event.target));
    act(async () => {
      known.made = await post("invitations", wanted);
      return "The invitation is ready.";
    });
  };
  const again = () => act(async () => (known.made = null), "");

  return {
    title: "Connect a mailbox",
    read,
    nodes: () => [
      head("Connect a mailbox", { about: "An invitation is a link for one mailbox owner." }),
      known.made
        ? ready(known.made, again)
        : card("Invitation", { kind: "narrow", "data-key": "form" }, form(known.endpoints, submit)),
    ],
  };
}

const form = (endpoints, submit) =>
  h(
    "form",
    { onsubmit: submit },
    field(
      "Reference",
      h("input", { name: "reference", maxlength: 200 }),
      "Your own id of the customer or the case; it comes back with each event.",
    ),
    field(
      "Who has to sign in",
      h("input", { name: "expected_address", type: "email", placeholder: "anybody with the link" }),
      "Only this address can use the link.",
    ),
    field(
      "Labels",
      h("input", { name: "labels" }),
      "Separated by commas; filters of endpoints know them.",
    ),
    field("The link is good for", choice("expires_in_seconds", LIVES, "604800")),
    h(
      "details",
      {},
      h("summary", {}, "More"),
      field("Kind of account", choice("kind", KINDS, "")),
      field("What the first check sends", choice("start", STARTS, "")),
      field(
        "Folders",
        h("input", { name: "folders", placeholder: "INBOX" }),
        "Separated by commas.",
      ),
      field(
        "Shared mailbox",
        h("input", { name: "shared_mailbox", type: "email" }),
        "Its address, where the person who signs in may open it (work accounts).",
      ),
      field(
        "Endpoint of its own",
        choice(
          "endpoint_id",
          [["", "none: the common ones"], ...endpoints.map((one) => [one.id, endpointName(one)])],
          "",
        ),
      ),
      field(
        "Return to",
        h("input", { name: "return_url", type: "url" }),
        "An address of an origin in RETURN_URLS.",
      ),
    ),
    h(
      "div",
      { class: "actions" },
      h("button", { type: "submit", class: "main" }, "Make the invitation"),
    ),
  );

/** What was filled in, as the API takes it. */
function body(form) {
  const wanted = {};
  for (const [name, value] of form) {
    const text = value.trim();
    if (!text) continue;
    if (LISTS.includes(name))
      wanted[name] = text
        .split(",")
        .map((one) => one.trim())
        .filter(Boolean);
    else wanted[name] = name === "expires_in_seconds" ? Number(text) : text;
  }
  return wanted;
}

const ready = (made, again) =>
  card(
    "The invitation is ready",
    { kind: "narrow", "data-key": "made" },
    h(
      "p",
      {},
      "Send this link to the mailbox\u2019s owner, or open it yourself. ",
      "It is used up once a mailbox is connected by it.",
    ),
    copyable("Invitation link", made.url, "invitation-link"),
    facts([["Ends", when(made.expires_at)]]),
    h(
      "div",
      { class: "actions" },
      button("Another invitation", again, { icon: "plus" }),
      go("#/accounts", "To the accounts", { kind: "more" }),
    ),
  );
