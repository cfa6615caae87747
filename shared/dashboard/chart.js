// Mails and failed checks of 24 hours: bars up and bars down.

import { h, s } from "./dom.js";
import { hour, instant } from "./times.js";
import { plural } from "./words.js";

const HOURS = 24;
const HOUR_MS = 3_600_000;
const STEP = 20;
const BAR = 14;
const UP = 96;
const DOWN = 28;

/** The sum over accounts; an answer of the hour before is moved by an hour. */
export function sum(activities) {
  const since =
    activities
      .map((one) => one.since)
      .sort()
      .at(-1) ?? now();
  const total = { since, mails: Array(HOURS).fill(0), failures: Array(HOURS).fill(0) };
  for (const one of activities) {
    const behind = Math.round((Date.parse(since) - Date.parse(one.since)) / HOUR_MS);
    for (let at = behind; at < HOURS; at++) {
      total.mails[at - behind] += one.mails[at];
      total.failures[at - behind] += one.failures[at];
    }
  }
  return total;
}

const now = () => instant(Date.now() - (HOURS - 1) * HOUR_MS);
const added = (numbers) => numbers.reduce((one, other) => one + other, 0);

export function chart(activity) {
  const mails = added(activity.mails);
  const failures = added(activity.failures);
  return h(
    "figure",
    { class: "chart" },
    h(
      "figcaption",
      {},
      key("mails", plural(mails, "mail")),
      key("failures", plural(failures, "failed check")),
    ),
    drawing(
      activity,
      `${plural(mails, "mail")} and ${plural(failures, "failed check")} in 24 hours`,
    ),
    h(
      "div",
      { class: "axis", "aria-hidden": "true" },
      [0, 6, 12, 18].map((at) => h("span", {}, hour(moment(activity, at)))),
      h("span", {}, "now"),
    ),
  );
}

const moment = (activity, at) => new Date(Date.parse(activity.since) + at * HOUR_MS);

const key = (kind, text) => h("span", { class: `key ${kind}` }, text);

function drawing(activity, label) {
  const most = Math.max(...activity.mails, 1);
  const worst = Math.max(...activity.failures, 1);
  const width = HOURS * STEP;
  const hours = activity.mails.map((mails, at) => {
    const failures = activity.failures[at];
    const begin = moment(activity, at);
    const told = `${hour(begin)}: ${plural(mails, "mail")}, ${plural(failures, "failed check")}`;
    return s(
      "g",
      {},
      s("title", {}, told),
      s("rect", { class: "hour", x: at * STEP, y: 0, width: STEP, height: UP + DOWN }),
      bar("mails", at, UP - height(mails, most, UP), height(mails, most, UP)),
      bar("failures", at, UP + 2, height(failures, worst, DOWN - 4)),
    );
  });
  return s(
    "svg",
    {
      viewBox: `0 0 ${width} ${UP + DOWN}`,
      role: "img",
      "aria-label": label,
      preserveAspectRatio: "none",
    },
    s("line", { class: "zero", x1: 0, x2: width, y1: UP + 1, y2: UP + 1 }),
    hours,
  );
}

/** What is not nothing can be seen. */
const height = (count, most, room) => (count ? Math.max(Math.round((count / most) * room), 3) : 0);

const bar = (kind, at, y, tall) =>
  tall > 0 &&
  s("rect", { class: kind, x: at * STEP + (STEP - BAR) / 2, y, width: BAR, height: tall, rx: 2 });

/** The same in a row of a table: mails, and in red the hours with a failed check. */
export function spark(activity) {
  const most = Math.max(...activity.mails, 1);
  const bars = activity.mails.map((mails, at) => {
    const failed = activity.failures[at] > 0;
    const tall = Math.max(height(mails, most, 20), failed ? 4 : 1);
    return s("rect", {
      class: failed ? "failures" : mails ? "mails" : "none",
      x: at * 4,
      y: 20 - tall,
      width: 3,
      height: tall,
    });
  });
  return s("svg", { class: "spark", viewBox: "0 0 96 20", "aria-hidden": "true" }, bars);
}
