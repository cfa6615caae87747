// The dashboard: shows the view that the address names, and keeps it up to date.

import { store } from "./accounts_store.js";
import { h } from "./dom.js";
import { gate } from "./gate.js";
import { icon } from "./icons.js";
import { discard, forget, stored } from "./key.js";
import { morph } from "./morph.js";
import { button, trouble } from "./parts.js";
import { repeat } from "./repeat.js";
import { route, TABS } from "./router.js";
import { failed, hush, said } from "./telling.js";

const SECONDS = 10;
const MANY = 500;
const MANY_SECONDS = 30;

const main = document.getElementById("main");
const frame = document.getElementById("frame");
const gatePlace = document.getElementById("gate");

let view = null;
let live = null;
let problem = null;
let reading = false;
let isLeaving = false;

function begin() {
  gatePlace.replaceChildren();
  frame.hidden = false;
  open();
}

function lock(why = "") {
  live?.stop();
  discard();
  frame.hidden = true;
  gate(gatePlace, begin, why);
}

/** Shows the view of the address anew, its heading focused. */
function open() {
  live?.stop();
  problem = null;
  const { tab, make, id, query } = route(location.hash);
  const mine = {};
  const drawn = () => view === mine && draw();
  Object.assign(mine, make({ id, query, act, drawn, navigate, leave }));
  view = mine;
  tabs(tab);
  main.replaceChildren();
  draw();
  scrollTo(0, 0);
  main.querySelector("h1").focus();
  live = repeat((signal) => refresh(mine, signal), pause);
}

const pause = () => (store.accounts.size > MANY ? MANY_SECONDS : SECONDS);

async function refresh(mine, signal) {
  reading = true;
  session();
  let wrong = null;
  try {
    await mine.read?.(signal);
  } catch (error) {
    wrong = error;
  }
  if (signal.aborted || view !== mine) return;
  reading = false;
  if (wrong?.code === "key_refused") return lock(wrong.message);
  problem = wrong;
  draw();
}

function draw() {
  const title = typeof view.title === "function" ? view.title() : view.title;
  document.title = `${title} \u00b7 Unseen`;
  const [top, ...rest] = view.nodes();
  const said = problem && trouble(problem, () => live.now());
  morph(main, [top, said, ...rest].filter(Boolean));
  session();
}

/** Does something, tells what came of it (what it resolves to, or `done`), and shows it. */
async function act(work, done) {
  try {
    const told = await work();
    const text = done ?? told;
    if (text) said(text);
  } catch (error) {
    if (error.code === "key_refused") return lock(error.message);
    failed([error.message, error.detail].filter(Boolean).join(" \u2014 "));
  }
  draw();
  live.now();
}

/** Another address for the same view. */
const navigate = (hash) => history.replaceState(null, "", hash);

/** Another view, where what came of an action is told. */
function leave(hash) {
  isLeaving = true;
  location.hash = hash;
}

function tabs(current) {
  document.getElementById("nav").replaceChildren(
    h(
      "ul",
      {},
      TABS.map(([name, hash, text, drawing]) =>
        h(
          "li",
          {},
          h(
            "a",
            { href: hash, "aria-current": name === current && "page" },
            icon(drawing),
            h("span", {}, text),
          ),
        ),
      ),
    ),
  );
}

function session() {
  const state = problem ? "Not up to date" : "Live";
  morph(document.getElementById("session"), [
    h("p", { class: `live ${problem ? "bad" : ""} ${reading ? "reading" : ""}` }, state),
    button("Forget key", forget, { kind: "quiet small", icon: "out" }),
  ]);
}

document.querySelector(".skip").onclick = (event) => {
  event.preventDefault();
  main.focus();
};
addEventListener("hashchange", () => {
  if (!isLeaving) hush();
  isLeaving = false;
  if (stored()) open();
});
stored() ? begin() : lock();
