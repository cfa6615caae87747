// Dialogs: they ask before something is done, and say exactly what will happen.

import { h } from "./dom.js";
import { button } from "./parts.js";

/**
 * Opens a dialog; resolves to what was chosen: true, or what `read(form)` makes of its fields,
 * and null where it was left. does: the button's words; danger: it can't be undone.
 */
export function ask({ title, content, does, danger = false, read = () => true }) {
  return new Promise((done) => {
    let answer = null;
    const form = h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          answer = read(form);
          dialog.close();
        },
      },
      h("h2", { id: "dialog-title" }, title),
      content,
      h(
        "div",
        { class: "actions end" },
        button("Cancel", () => dialog.close()),
        h("button", { type: "submit", class: danger ? "danger" : "main" }, does),
      ),
    );
    const dialog = opened(form, () => done(answer));
  });
}

/** Shows something that is shown once only. */
export function show({ title, content }) {
  const body = h(
    "div",
    {},
    h("h2", { id: "dialog-title" }, title),
    content,
    h(
      "div",
      { class: "actions end" },
      button("Done", () => dialog.close(), { kind: "main" }),
    ),
  );
  const dialog = opened(body, () => {});
}

function opened(content, closed) {
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, content);
  dialog.addEventListener("close", () => (dialog.remove(), closed()));
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
