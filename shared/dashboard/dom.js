// Builds elements. What comes from the API goes in as text or as an attribute, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Attributes: true is one without a value, null and false are left out, a function
 * is a handler (`onclick`). Children: elements, texts, lists of these; null and false are nothing.
 */
export const h = (name, attributes, ...children) =>
  filled(document.createElement(name), attributes, children);

/** The same of SVG. */
export const s = (name, attributes, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

/** A link where the address is one of the web, else its text. */
export function link(url, text, attributes = {}) {
  if (!isWeb(url)) return h("span", {}, text);
  return h("a", { href: url, rel: "noreferrer", target: "_blank", ...attributes }, text);
}

function isWeb(url) {
  try {
    return ["http:", "https:"].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element[name] = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return element;
}
