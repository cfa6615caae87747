// Calls of the API, whose routes are beside this page: `fetch` takes them relative to it.

import { stored } from "./key.js";

/** An answer that is not a success: `title` says what happened, `detail` of what. */
class Problem extends Error {
  constructor(status, told = {}) {
    super(told.title ?? `The server answered ${status}.`);
    Object.assign(this, { status, code: told.code ?? "", detail: told.detail ?? "" });
    this.link = told.link ?? "";
  }
}

const UNREACHABLE = { title: "The server can't be reached. Is this machine online?" };
const REFUSED = { title: "This function key was refused.", code: "key_refused" };

/** The answer's JSON, null where it has none; raises Problem. */
async function call(method, path, { query = {}, body, signal, key = stored() } = {}) {
  const told = Object.entries(query).filter(([, value]) => value);
  const search = told.length ? `?${new URLSearchParams(told)}` : "";
  const answer = await sent(`${path}${search}`, {
    method,
    signal,
    headers: { "x-functions-key": key },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
  });
  const content = await json(answer);
  if (answer.status === 401) throw new Problem(401, REFUSED);
  // An app that is degraded tells its health with a 503.
  if (!answer.ok && path !== "health/details") throw new Problem(answer.status, content ?? {});
  return content;
}

export const get = (path, options) => call("GET", path, options);
export const post = (path, body, options) => call("POST", path, { ...options, body });
export const patch = (path, body) => call("PATCH", path, { body });
export const remove = (path) => call("DELETE", path);

/** What only reads is asked for once more where no answer came. */
async function sent(url, options, tries = options.method === "GET" ? 2 : 1) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (tries > 1) return sent(url, options, tries - 1);
    throw new Problem(0, UNREACHABLE);
  }
}

async function json(answer) {
  const text = await answer.text();
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
