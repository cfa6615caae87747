// Makes an endpoint.

import { post } from "./api.js";
import { h } from "./dom.js";
import { showSecret } from "./endpoint_dialogs.js";
import { card, field, head } from "./parts.js";
import { EVENTS } from "./words.js";

export function endpointNew({ act, leave }) {
  const submit = (event) => {
    event.preventDefault();
    const form = event.target;
    const filter = read(form.elements.filter);
    if (filter === undefined) return;
    act(async () => {
      const made = await post("endpoints", body(form, filter));
      leave("#/endpoints");
      return showSecret(made);
    });
  };
  const back = { hash: "#/endpoints", text: "Endpoints" };
  return {
    title: "New endpoint",
    nodes: () => [
      head("New endpoint", { back }),
      card("Where webhooks go", { kind: "narrow" }, form(submit)),
    ],
  };
}

const form = (submit) =>
  h(
    "form",
    { onsubmit: submit },
    field(
      "URL",
      h("input", {
        name: "url",
        type: "url",
        required: true,
        placeholder: "https://app.example.com/hooks/mail",
      }),
      "A public address, over https.",
    ),
    field("Description", h("input", { name: "description", maxlength: 500 }), "What you call it."),
    h(
      "fieldset",
      {},
      h("legend", {}, "Events"),
      h("p", { class: "hint" }, "All, where none is chosen."),
      h(
        "div",
        { class: "checks" },
        Object.entries(EVENTS).map(([type, word]) =>
          h(
            "label",
            { class: "check" },
            h("input", { type: "checkbox", name: "types", value: type }),
            word,
          ),
        ),
      ),
    ),
    h(
      "label",
      { class: "check" },
      h("input", { type: "checkbox", name: "all", checked: true }),
      "It gets the events of all accounts",
    ),
    h(
      "details",
      {},
      h("summary", {}, "Filter"),
      field(
        "Filter (JSON)",
        h("textarea", {
          name: "filter",
          rows: 4,
          spellcheck: "false",
          placeholder: '{"labels": ["support"]}',
        }),
        "Takes an event where every part of it matches.",
      ),
    ),
    h(
      "div",
      { class: "actions" },
      h("button", { type: "submit", class: "main" }, "Make the endpoint"),
    ),
  );

/** The filter, null where none is given, undefined where it is no JSON: the field says so. */
function read(field) {
  field.setCustomValidity("");
  if (!field.value.trim()) return null;
  try {
    return JSON.parse(field.value);
  } catch {
    field.closest("details").open = true;
    field.setCustomValidity("This is not JSON.");
    field.reportValidity();
    return undefined;
  }
}

function body(form, filter) {
  const types = [...form.querySelectorAll("[name=types]:checked")].map((one) => one.value);
  return {
    url: form.elements.url.value.trim(),
    description: form.elements.description.value.trim(),
    event_types: types,
    all_accounts: form.elements.all.checked,
    ...(filter && { filter }),
  };
}
