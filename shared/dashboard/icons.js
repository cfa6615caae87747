// The drawings, on a ground of 24 by 24; like those of the login pages, in strokes.

import { s } from "./dom.js";

const PATHS = {
  home: ["M4 11.5 12 4l8 7.5", "M6 10v9.5h12V10", "M10 19.5v-5h4v5"],
  people: [
    "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z",
    "M2.5 20c.4-3.6 3-5.5 6.5-5.5s6.1 1.9 6.5 5.5",
    "M16 5a3.3 3.3 0 0 1 0 6.3",
    "M18 15c2 .6 3.2 2.3 3.5 5",
  ],
  hook: ["M4 12h11", "m11 7.5 4.5 4.5-4.5 4.5", "M14.5 4.5H20v15h-5.5"],
  dead: ["M4 6h16v9H4z", "m4.5 6.5 7.5 5 7.5-5", "m9.5 18 5 4", "m14.5 18-5 4"],
  plus: ["M12 5v14", "M5 12h14"],
  check: ["m5 12.5 4.5 4.5L19 7.5"],
  alert: ["M12 4.5v9", "M12 18.5v.5"],
  pause: ["M9 6v12", "M15 6v12"],
  play: ["M8 5.5v13l10-6.5Z"],
  clock: ["M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Z", "M12 8v4.3l3 1.7"],
  again: ["M19.5 12a7.5 7.5 0 1 1-2.2-5.3", "M19.5 3.5v4.5H15"],
  key: ["M8 19a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z", "M10.8 12.2 19 4", "m15.5 7.5 3 3"],
  search: ["M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Z", "m15.5 15.5 4.5 4.5"],
  copy: ["M9 9h10.5v10.5H9z", "M15 5.5V4.5H4.5V15h1"],
  send: ["M20.5 3.5 10 14", "M20.5 3.5 14 20.5l-4-6.5-6.5-4Z"],
  trash: ["M5 7h14", "M9.5 7V4.5h5V7", "M7 7l.8 12.5h8.4L17 7"],
  back: ["M19 12H5", "m11 6-6 6 6 6"],
  out: ["M10 4.5H4.5v15H10", "M14 8l4 4-4 4", "M18 12H9"],
  replay: ["M4.5 12a7.5 7.5 0 1 0 2.2-5.3", "M4.5 3.5v4.5H9"],
  mail: ["M3.5 6h17v12.5h-17z", "m4 6.5 8 6.5 8-6.5"],
};

export function icon(name, attributes = {}) {
  const shapes = PATHS[name].map((d) => s("path", { d }));
  return s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", ...attributes }, shapes);
}
