// Line icons, drawn inline so that they take the text's colour.

const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, string>} one path each, on a grid of 24 */
const PATHS = {
  menu: "M4 7h16M4 12h16M4 17h16",
  hash: "M9.5 4 7.5 20M16.5 4l-2 16M4.5 9h16M3.5 15h16",
  plus: "M12 5v14M5 12h14",
  bell: "M18 9a6 6 0 1 0-12 0c0 6-2.5 7-2.5 7h17S18 15 18 9M10 20a2.2 2.2 0 0 0 4 0",
  people: "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.5 19.5c0-3 2.9-5 6.5-5s6.5 2 6.5 5M16 4.8a3.5 3.5 0 0 1 0 6.4M18 14.8c2.1.7 3.5 2.400 3.500 4.700",
  send: "M4.500 12 20 4.500 15.500 20l-3.500-6.500zM12 13.500 20 4.500",
  clip: "m20 11.500-8 8a5 5 0 0 1-7.100-7.100l8.500-8.500a3.400 3.400 0 0 1 4.800 4.800l-8.400 8.400a1.700 1.700 0 0 1-2.400-2.400l7.600-7.600",
  close: "M6 6l12 12M18 6 6 18",
  pencil: "M4 20l1-4.500L16 4.500a2 2 0 0 1 2.900 0l.6.6a2 2 0 0 1 0 2.900L8.500 19zM14 6.500l3.500 3.500",
  trash: "M4 7h16M9.500 7V4.500h5V7M6.500 7l.8 12.500h9.400L17.500 7M10 11v5M14 11v5",
  copy: "M9 9h10.500v10.500H9zM5.500 15H4.500V4.500H15v1",
  search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13M15.500 15.500 20 20",
  down: "M12 5v14M6 13l6 6 6-6",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  file: "M6 3.500h8l4.500 4.500v12.500H6zM14 3.500V8h4.500",
  retry: "M20 11a8 8 0 1 0-2.300 6.600M20 5v6h-6",
  alert: "M12 8v5M12 16.500v.1M12 3.500 2.500 20h19z",
  check: "M5 12.500l4.500 4.500L19 7.500",
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
