// The endpoints: how each stands, and what can be done with it.

import { get, patch, post, remove } from "./api.js";
import { h } from "./dom.js";
import { askedToDelete, askedToDisable, askedToRotate, showSecret } from "./endpoint_dialogs.js";
import { replayed } from "./endpoint_replay.js";
import { badge, button, card, empty, facts, go, head, loading, notice } from "./parts.js";
import { lasting, when } from "./times.js";
import { endpointName, endpointStanding, EVENTS, unescaped } from "./words.js";

export function endpoints({ act, drawn }) {
  const known = { endpoints: null, tests: new Map() };

  async function read(signal) {
    known.endpoints = (await get("endpoints", { signal })).endpoints;
  }

  const acts = {
    test: (one) =>
      act(async () => {
        known.tests.set(one.id, "sending");
        drawn();
        const answer = post(`endpoints/${one.id}/test`);
        known.tests.set(one.id, await answer.finally(() => known.tests.delete(one.id)));
      }, ""),
    enable: (one, enabled) =>
      act(
        () => patch(`endpoints/${one.id}`, { enabled }),
        enabled ? "Enabled: what waited is sent." : "Disabled.",
      ),
    disable: async (one) => (await askedToDisable(one)) && acts.enable(one, false),
    rotate: async (one) => {
      const overlap = await askedToRotate(one);
      if (overlap !== null)
        act(async () =>
          showSecret(await post(`endpoints/${one.id}/rotate-secret`, { overlap_seconds: overlap })),
        );
    },
    replay: (one) => replayed(one, act),
    remove: async (one) =>
      (await askedToDelete(one)) && act(() => remove(`endpoints/${one.id}`), "Deleted."),
  };

  return { title: "Endpoints", read, nodes: () => nodes(known, acts) };
}

function nodes({ endpoints, tests }, acts) {
  const actions = [go("#/endpoints/new", "New endpoint", { icon: "plus" })];
  const top = head("Endpoints", { about: "Where webhooks are sent to.", actions });
  if (!endpoints) return [top, loading("Reading endpoints …")];
  if (!endpoints.length)
    return [top, empty("hook", "No endpoint yet", "Webhooks need somewhere to go.", actions[0])];
  return [
    top,
    h(
      "div",
      { class: "stack" },
      endpoints.map((one) => endpointCard(one, tests.get(one.id), acts)),
    ),
  ];
}

function endpointCard(one, test, acts) {
  const ours = one.owned_by_settings;
  return card(
    endpointName(one),
    { actions: badge(endpointStanding(one)), "data-key": one.id },
    h("p", { class: "url" }, h("code", {}, one.url)),
    one.disabled &&
      notice("note", one.disabled.message, null, h("p", {}, lasting(one.disabled.since))),
    one.failing_since && failing(one),
    facts(
      [
        [
          "Events",
          one.event_types.length
            ? one.event_types.map((type) => EVENTS[type] ?? type).join(", ")
            : "all",
        ],
        ["Accounts", one.all_accounts ? "all" : "those that name it"],
        ["Filter", Object.keys(one.filter).length > 0 && h("code", {}, JSON.stringify(one.filter))],
        ["Headers", one.headers.join(", ")],
        [
          "Secret",
          ours
            ? "in the settings"
            : one.secrets > 1
              ? `${one.secrets} sign: a rotation is under way`
              : "one signs",
        ],
        ["Made", one.created_at ? when(one.created_at) : "with the settings"],
      ],
      "wide",
    ),
    test && result(test),
    h(
      "div",
      { class: "actions" },
      button("Send a test", () => acts.test(one), { icon: "send", disabled: test === "sending" }),
      button("Replay …", () => acts.replay(one), { icon: "replay" }),
      one.enabled
        ? button("Disable …", () => acts.disable(one), { icon: "pause" })
        : button("Enable", () => acts.enable(one, true), { icon: "play" }),
      !ours && button("Rotate secret …", () => acts.rotate(one), { icon: "key" }),
      !ours && button("Delete …", () => acts.remove(one), { kind: "quiet bad", icon: "trash" }),
    ),
  );
}

const failing = (one) =>
  notice(
    "note",
    "It has not taken a webhook of late.",
    null,
    h(
      "p",
      {},
      "Failing ",
      lasting(one.failing_since),
      one.next_probe_at && [", tried again ", when(one.next_probe_at)],
    ),
  );

function result(test) {
  if (test === "sending") return h("p", { class: "result soft", role: "status" }, "Sending …");
  const took = ` in ${test.seconds.toLocaleString("en")} s`;
  const text = test.status
    ? `It answered ${test.status}${took}.`
    : `It did not answer: ${test.reason}.`;
  return h(
    "div",
    { class: "result", role: "status" },
    notice(
      test.delivered ? "good" : "bad",
      test.delivered ? "The test was taken" : "The test was not taken",
      text,
      test.answer && h("pre", { tabindex: "0" }, unescaped(test.answer)),
    ),
  );
}
