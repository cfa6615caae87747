// Parts that several views are made of.

import { h, link } from "./dom.js";
import { icon } from "./icons.js";

/** A state: colour, drawing and word say the same. */
export const badge = ({ word, tone, icon: name }) =>
  h("span", { class: `badge ${tone}` }, icon(name), word);

export const button = (text, onclick, { kind = "quiet", icon: name, ...more } = {}) =>
  h("button", { type: "button", class: kind, onclick, ...more }, name && icon(name), text);

export const go = (hash, text, { kind = "button", icon: name } = {}) =>
  h("a", { class: kind, href: hash }, name && icon(name), text);

/** The head of a view: its heading, what it is about, and what can be done. */
export const head = (title, { about, back, badge: state, actions = [] } = {}) =>
  h(
    "header",
    { class: "head" },
    h(
      "div",
      { class: "grow" },
      back && h("p", { class: "back" }, h("a", { href: back.hash }, icon("back"), back.text)),
      h("h1", { tabindex: "-1" }, title),
      (about || state) && h("p", { class: "soft about" }, state && badge(state), about),
    ),
    actions.length > 0 && h("div", { class: "actions" }, actions),
  );

export const card = (title, { actions, kind = "", ...attributes } = {}, ...children) =>
  h(
    "section",
    { class: `card ${kind}`, "aria-label": title, ...attributes },
    h("div", { class: "row" }, h("h2", { class: "grow" }, title), actions),
    children,
  );

/** Something that wants to be read: a sentence, what to do, and where. */
export const notice = (tone, title, text, more) =>
  h(
    "div",
    { class: `notice ${tone}` },
    icon(tone === "good" ? "check" : "alert", { class: "sign" }),
    h("div", { class: "grow" }, h("p", { class: "strong" }, title), text && h("p", {}, text), more),
  );

/** What went wrong with a call, and the way to try once more. */
export const trouble = (problem, again) =>
  notice(
    "bad",
    problem.message,
    problem.detail,
    h(
      "p",
      { class: "actions" },
      problem.link && link(problem.link, "How to fix it"),
      again && button("Try again", again),
      problem.code && h("code", {}, problem.code),
    ),
  );

export const empty = (name, title, text, action) =>
  h(
    "div",
    { class: "empty" },
    icon(name),
    h("h2", {}, title),
    h("p", { class: "soft" }, text),
    action,
  );

export const loading = (what) =>
  h("div", { class: "empty" }, h("span", { class: "spinner" }), h("p", { class: "soft" }, what));

/** Names and values. */
export const facts = (pairs, kind = "") =>
  h(
    "dl",
    { class: `facts ${kind}` },
    pairs
      .filter(([, value]) => value || value === 0)
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );

/** A label with its field, and where wanted a hint below. */
export const field = (label, input, hint) => {
  const id = input.id || `field-${input.name}`;
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  const below = hint && h("p", { class: "hint", id: `${id}-hint` }, hint);
  return h("div", { class: "field" }, h("label", { for: id }, label), input, below);
};

export const choice = (name, options, chosen) =>
  h(
    "select",
    { name },
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );
