// A text that is there to be taken along: a link, a secret.

import { h } from "./dom.js";
import { button } from "./parts.js";
import { failed, said } from "./telling.js";

/** The text in a field, with a button that copies it. */
export function copyable(label, text, name) {
  const field = h("input", {
    type: "text",
    readonly: true,
    value: text,
    "aria-label": label,
    id: name,
    spellcheck: "false",
  });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      said(`${label} copied.`);
    } catch {
      document.getElementById(name).select();
      failed("This browser does not let us copy: it is selected, copy it by hand.");
    }
  };
  return h("div", { class: "copy" }, field, button("Copy", copy, { icon: "copy" }));
}
