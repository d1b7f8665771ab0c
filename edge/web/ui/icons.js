// Line icons, drawn inline so that they take the text's colour.

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, string>} one path each, on a grid of 24 */
const PATHS = {
  menu: "M4 7h16M4 12h16M4 17h16",
  hash: "M9.5 4 7.5 20M16.5 4l-2 16M4.5 9h16M3.5 15h16",
  plus: "M12 5v14M5 12h14",
  bell: "M18 9a6 6 0 1 0-12 0c0 6-2.5 7-2.5 7h17S18 15 18 9M10 20a2.2 2.2 0 0 0 4 0",
  people: "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.5 19.5c0-3 2.9-5 6.5-5s6.5 2 6.5 5M16 4.8a3.5 3.5 0 0 1 0 6.4M18 14.8c2.1.7 3.5 2.4 3.5 4.7",
  send: "M4.5 12 20 4.5 15.5 20l-3.5-6.5zM12 13.5 20 4.5",
  clip: "m20 11.5-8 8a5 5 0 0 1-7.1-7.1l8.5-8.5a3.4 3.4 0 0 1 4.8 4.8l-8.4 8.4a1.7 1.7 0 0 1-2.4-2.4l7.6-7.6",
  close: "M6 6l12 12M18 6 6 18",
  pencil: "M4 20l1-4.5L16 4.5a2 2 0 0 1 2.9 0l.6.6a2 2 0 0 1 0 2.9L8.5 19zM14 6.5l3.5 3.5",
  trash: "M4 7h16M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10 11v5M14 11v5",
  copy: "M9 9h10.5v10.5H9zM5.5 15H4.5V4.5H15v1",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M15.5 15.5 20 20",
  down: "M12 5v14M6 13l6 6 6-6",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  file: "M6 3.5h8l4.5 4.5v12.5H6zM14 3.5V8h4.5",
  retry: "M20 11a8 8 0 1 0-2.3 6.6M20 5v6h-6",
  alert: "M12 8v5M12 16.5v.1M12 3.5 2.5 20h19z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  more: "M5 12h.1M12 12h.1M19 12h.1",
  chevron: "M7 10l5 5 5-5",
};

/** @param {string} name @returns {SVGSVGElement} hidden from screen readers: the control beside it has the words */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" })) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
