// Which view an address names. Everything is behind the hash, so that nothing goes to the server.

import { account } from "./account.js";
import { accounts } from "./accounts.js";
import { connect } from "./connect.js";
import { deadLetters } from "./dead_letters.js";
import { endpointNew } from "./endpoint_new.js";
import { endpoints } from "./endpoints.js";
import { overview } from "./overview.js";

const ROUTES = [
  [/^\/$/, "overview", overview],
  [/^\/accounts$/, "accounts", accounts],
  [/^\/accounts\/(acc_[a-z2-7]{26})$/, "accounts", account],
  [/^\/endpoints$/, "endpoints", endpoints],
  [/^\/endpoints\/new$/, "endpoints", endpointNew],
  [/^\/dead-letters$/, "dead-letters", deadLetters],
  [/^\/connect$/, "connect", connect],
];

export const TABS = [
  ["overview", "#/", "Overview", "home"],
  ["accounts", "#/accounts", "Accounts", "people"],
  ["endpoints", "#/endpoints", "Endpoints", "hook"],
  ["dead-letters", "#/dead-letters", "Dead letters", "dead"],
  ["connect", "#/connect", "Connect", "plus"],
];

/** The view of a hash, the overview where it names none: {tab, make, id, query}. */
export function route(hash) {
  const [path, search] = hash.replace(/^#/, "").split("?");
  for (const [pattern, tab, make] of ROUTES) {
    const found = pattern.exec(path);
    if (found) return { tab, make, id: found[1], query: new URLSearchParams(search) };
  }
  return { tab: "overview", make: overview, query: new URLSearchParams() };
}
