// Dead letters of all accounts: what no attempt brought to its endpoint.

import { readAll, store } from "./accounts_store.js";
import { h } from "./dom.js";
import { eventsList, readEndpointNames, readEvents } from "./events_list.js";
import { card, empty, head, loading } from "./parts.js";
import { plural } from "./words.js";

const MOST = 200;

export function deadLetters({ act, drawn }) {
  const known = { events: null, names: new Map() };

  async function read(signal) {
    known.names = await readEndpointNames(signal);
    known.events = await readEvents({ state: "dead" }, signal, MOST);
    drawn();
    await readAll(signal, drawn);
  }

  return { title: "Dead letters", read, nodes: () => nodes(known, act) };
}

function nodes({ events, names }, act) {
  const top = head("Dead letters", {
    about: "What an endpoint did not take in 75 hours. Each is kept until you send it again.",
  });
  if (!events) return [top, loading("Reading dead letters …")];
  if (!events.length)
    return [top, empty("check", "None", "Every event was taken, or is still being tried.")];
  const list = eventsList(events, { act, accountOf, names });
  const many = events.length >= MOST;
  return [
    top,
    card(
      plural(events.length, "event"),
      {},
      many &&
        h(
          "p",
          { class: "soft" },
          `The first ${MOST} are shown. Replay at an endpoint sends all of them again.`,
        ),
      list,
    ),
  ];
}

function accountOf({ account }) {
  const address = store.accounts.get(account)?.address;
  if (!address) return null;
  return [" \u00b7 ", h("a", { href: `#/accounts/${account}` }, address)];
}
