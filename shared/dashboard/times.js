// Instants in words: how long ago or until then, with the moment itself as the title.

import { h } from "./dom.js";

const NEVER = "9999";
const DAY_MS = 86_400_000;
const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];
const WORDS = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const SHORT = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "narrow" });
const MOMENT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });
const HOUR = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hour12: false });

export const isMoment = (text) => Boolean(text) && !text.startsWith(NEVER);

/** A `time` element, like "5 minutes ago"; `none` is said where there is no such moment. */
export const when = (text, none = "never") =>
  isMoment(text) ? time(text, relative(text, WORDS)) : h("span", { class: "soft" }, none);

/** The same for a narrow place: "5m ago". */
export const shortly = (text, none = "\u2014") =>
  isMoment(text) ? time(text, relative(text, SHORT)) : h("span", { class: "soft" }, none);

/** How long something has lasted: "for 5 minutes". */
export function lasting(text) {
  if (!isMoment(text)) return null;
  const [count, unit] = length(Math.max(Date.now() - Date.parse(text), 0));
  return time(text, count ? `for ${count} ${unit}${count === 1 ? "" : "s"}` : "just now");
}

/** The moment as the API takes it. */
export const instant = (milliseconds) =>
  new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");

export const daysAgo = (days) => instant(Date.now() - days * DAY_MS);

/** Hours and minutes of the clock on the wall. */
export const hour = (moment) => HOUR.format(moment);

const time = (text, words) =>
  h("time", { datetime: text, title: MOMENT.format(new Date(text)) }, words);

function relative(text, words) {
  const left = Date.parse(text) - Date.now();
  if (Math.abs(left) < 2000) return left > 0 ? "now" : "just now";
  const [count, unit] = length(Math.abs(left));
  return words.format(Math.sign(left) * count, unit);
}

/** So many milliseconds in the greatest unit that fits. */
function length(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  const [unit, one] = UNITS.find(([, one]) => seconds >= one) ?? UNITS.at(-1);
  return [Math.floor(seconds / one), unit];
}
