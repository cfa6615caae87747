// What is asked before something is done to an endpoint, and the secret that is shown once.

import { copyable } from "./copying.js";
import { ask, show } from "./dialogs.js";
import { h } from "./dom.js";
import { choice, field } from "./parts.js";
import { when } from "./times.js";
import { endpointName } from "./words.js";

export const askedToDisable = (one) =>
  ask({
    title: `Disable ${endpointName(one)}?`,
    content: h(
      "p",
      {},
      "Nothing is sent to it any more. What it is owed is kept, and sent once you enable it ",
      "again; its time does not run out meanwhile.",
    ),
    does: "Disable",
  });

export const askedToDelete = (one) =>
  ask({
    title: `Delete ${endpointName(one)}?`,
    content: [
      h(
        "p",
        {},
        "This can\u2019t be undone. Its secret is deleted, and what it is owed is never sent.",
      ),
      h("p", {}, "Other endpoints go on as before."),
    ],
    does: "Delete",
    danger: true,
  });

const OVERLAPS = [
  ["86400", "for a day"],
  ["3600", "for an hour"],
  ["604800", "for a week"],
  ["0", "not at all: the old one ends now"],
];

export const askedToRotate = (one) =>
  ask({
    title: `Rotate the secret of ${endpointName(one)}?`,
    content: [
      h(
        "p",
        {},
        "A new secret is made and shown once. Webhooks are signed with both while the old one ",
        "lasts, so that your side can change without missing any.",
      ),
      field("The old secret signs too", choice("overlap", OVERLAPS, "86400")),
    ],
    does: "Rotate",
    read: (form) => Number(form.elements.overlap.value),
  });

/** Shows a new secret, which no other answer will have. */
export function showSecret(endpoint) {
  show({
    title: "The new secret",
    content: [
      h("p", {}, "It is shown this once: put it into your application now."),
      copyable("Secret", endpoint.secret, "secret"),
      endpoint.old_until &&
        h("p", { class: "soft" }, "The old one signs too; it ends ", when(endpoint.old_until), "."),
    ],
  });
  return "";
}
