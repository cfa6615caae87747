// Brings what is shown to what it should be by changing only what differs: focus, selection,
// scroll position and what somebody has typed stay, and nothing flickers.

const HANDLERS = ["onclick", "oninput", "onchange", "onsubmit", "onkeydown", "ontoggle"];

/** Makes the children of `parent` those that are wanted; `data-key` tells siblings apart. */
export function morph(parent, wanted) {
  const known = new Map([...parent.children].map((child) => [key(child), child]));
  let place = parent.firstChild;
  for (const next of wanted) {
    const found = key(next) ? known.get(key(next)) : place;
    if (found && isAlike(found, next)) {
      if (found === place) place = place.nextSibling;
      else parent.insertBefore(found, place);
      adapt(found, next);
    } else {
      parent.insertBefore(next, place);
    }
  }
  while (place) {
    const after = place.nextSibling;
    place.remove();
    place = after;
  }
}

const key = (node) => node.dataset?.key ?? "";

const isAlike = (one, other) => one.nodeName === other.nodeName && key(one) === key(other);

function adapt(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes])
    if (!next.hasAttribute(name) && !isOwn(old, name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes)
    if (old.getAttribute(name) !== value && !isOwn(old, name)) old.setAttribute(name, value);
  for (const name of HANDLERS) old[name] = next[name];
  morph(old, [...next.childNodes]);
}

/** What belongs to the person in front of it: whether a part is unfolded. */
const isOwn = (element, name) => name === "open" && element.localName === "details";
