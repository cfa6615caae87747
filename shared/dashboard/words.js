// How things stand, in words, with the tone that colours them and the drawing beside them.

const LATE_MS = 5 * 60_000;

export const STANDINGS = {
  active: { word: "Active", tone: "good", icon: "check", rank: 5 },
  retrying: { word: "Retrying", tone: "note", icon: "again", rank: 2 },
  late: { word: "Late", tone: "note", icon: "clock", rank: 3 },
  paused: { word: "Paused", tone: "soft", icon: "pause", rank: 4 },
  blocked: { word: "Blocked", tone: "bad", icon: "alert", rank: 1 },
  reconnect_required: { word: "Sign-in needed", tone: "bad", icon: "key", rank: 0 },
};

/** The name in STANDINGS: an account that is active and gets nowhere does not look active. */
export function standing(account, now = Date.now()) {
  if (account.status !== "active") return account.status in STANDINGS ? account.status : "blocked";
  if (account.failures > 0) return "retrying";
  const due = Date.parse(account.next.at);
  return due < now - LATE_MS ? "late" : "active";
}

/** Why the account stands as it does, in a sentence; "" where all is well. */
export function reason(account) {
  const name = standing(account);
  if (account.message) return account.message;
  if (name === "retrying")
    return account.failures === 1
      ? "The last check failed; it is tried again by itself."
      : `The last ${account.failures} checks failed; it is tried again by itself.`;
  if (name === "late")
    return "Its check is overdue: the timer may have stopped, or the server is busy.";
  if (name === "paused") return "No new mail is looked for until you resume it.";
  return name === "active" ? "" : account.next.message;
}

export const EVENTS = {
  "mail.received": "New mail",
  "mail.unreadable": "Unreadable mail",
  "mailbox.ready": "Mailbox ready",
  "mailbox.reset": "Mailbox renumbered",
  "account.connected": "Connected",
  "account.reconnect_required": "Sign-in needed",
  "account.restored": "Works again",
  "account.blocked": "Blocked",
  "account.disconnected": "Disconnected",
  "endpoint.disabled": "Endpoint disabled",
};

export const DELIVERIES = {
  owed: { word: "Waiting", tone: "note", icon: "clock" },
  done: { word: "Delivered", tone: "good", icon: "check" },
  dead: { word: "Dead letter", tone: "bad", icon: "alert" },
  held: { word: "Held", tone: "soft", icon: "pause" },
};

export function endpointStanding(endpoint) {
  if (!endpoint.enabled)
    return endpoint.disabled.code === "endpoint_paused"
      ? { word: "Disabled", tone: "soft", icon: "pause" }
      : { word: "Given up", tone: "bad", icon: "alert" };
  if (endpoint.failing_since) return { word: "Failing", tone: "note", icon: "again" };
  return { word: "Working", tone: "good", icon: "check" };
}

/** What an endpoint is called: its description, else its address without the scheme. */
export const endpointName = ({ description, url }) => description || url.replace(/^\w+:\/\//, "");

export const plural = (count, one, many = `${one}s`) =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'", "&amp;": "&" };

/** What the API escaped, as it was: it is shown as text only. */
export const unescaped = (text) =>
  (text ?? "").replace(/&(?:lt|gt|quot|#x27|amp);/g, (entity) => ENTITIES[entity]);
