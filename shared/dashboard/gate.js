// The way in: asks for the function key, and tries it before it is kept.

import { get } from "./api.js";
import { h } from "./dom.js";
import { keep } from "./key.js";

/** Shows the form in `place`; `opened` is called once a key was accepted. refused: why again. */
export function gate(place, opened, refused = "") {
  const problem = h("p", { class: "problem", id: "key-problem", role: "alert" }, refused);
  const input = h("input", {
    id: "key",
    type: "password",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "key-problem key-hint",
  });
  const submit = async (event) => {
    event.preventDefault();
    const wrong = await tried(input.value.trim());
    problem.textContent = wrong;
    if (wrong) return input.select();
    keep(input.value.trim());
    opened();
  };
  place.replaceChildren(
    h(
      "main",
      { class: "gate" },
      h(
        "p",
        { class: "who" },
        document.querySelector(".who svg").cloneNode(true),
        h("span", {}, "Unseen"),
      ),
      h("h1", {}, "Dashboard"),
      h(
        "form",
        { onsubmit: submit },
        h("label", { for: "key" }, "Function key"),
        input,
        problem,
        h("button", { type: "submit", class: "main wide" }, "Open the dashboard"),
      ),
      h(
        "p",
        { class: "hint", id: "key-hint" },
        "It is in the Azure portal under your function app, App keys. ",
        "It stays in this tab until you close it or forget it.",
      ),
    ),
  );
  input.focus();
}

/** "" where the key opens the API, else what to say. */
async function tried(key) {
  try {
    await get("accounts", { query: { limit: 1 }, key });
    return "";
  } catch (problem) {
    // Any other answer than this came from behind the lock.
    if (problem.code === "key_refused")
      return "This key was refused. Is it a key of this function app?";
    return problem.status ? "" : problem.message;
  }
}
