// The function key: kept for this tab only, sent in a header only, never in a URL.

const NAME = "unseen-function-key";

export const stored = () => sessionStorage.getItem(NAME) ?? "";

export const keep = (key) => sessionStorage.setItem(NAME, key);

export const discard = () => sessionStorage.removeItem(NAME);

/** Forgets the key, and with the page everything that was read with it. */
export function forget() {
  discard();
  location.reload();
}
