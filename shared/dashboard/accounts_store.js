// All accounts, read page after page; the first one is small, so that it is there soon.

import { get } from "./api.js";

const FIRST = 50;
const MOST = 200;

/** accounts by id. complete: the last page of a reading was reached. */
export const store = { accounts: new Map(), complete: false };

/** Reads all of them; `drawn` is called after each page that shows something new. */
export async function readAll(signal, drawn) {
  const fresh = new Map();
  let cursor = "";
  do {
    const limit = fresh.size ? MOST : FIRST;
    const page = await get("accounts", { query: { limit, cursor }, signal });
    for (const account of page.accounts) fresh.set(account.id, account);
    cursor = page.cursor;
    if (!store.complete) {
      store.accounts = fresh;
      if (cursor) drawn();
    }
  } while (cursor);
  Object.assign(store, { accounts: fresh, complete: true });
}

/** One account as the API has just told it. */
export function put(account) {
  store.accounts.set(account.id, account);
  return account;
}

export const drop = (id) => store.accounts.delete(id);
