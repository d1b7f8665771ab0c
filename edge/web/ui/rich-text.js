// A message's Markdown tree as DOM nodes.

import { parseMarkdown } from "../format/markdown.js";
import { h } from "./dom.js";

/** @typedef {import("../format/markdown.js").Inline} Inline */
/** @typedef {import("../format/markdown.js").Block} Block */

/** @param {string} source @param {string} me my user id, to mark what names me @returns {Node[]} */
export function richText(source, me) {
  return parseMarkdown(source).map((block) => drawBlock(block, me));
}

/** @param {Block} block @param {string} me @returns {Node} */
function drawBlock(block, me) {
  switch (block.kind) {
    case "codeblock":
      return h("pre", { tabindex: "0" }, h("code", { text: block.text }));
    case "quote":
      return h("blockquote", {}, ...block.children.map((child) => drawBlock(child, me)));
    case "list":
      return h(block.ordered ? "ol" : "ul", { start: block.ordered && block.start !== 1 ? block.start : null },
        ...block.items.map((item) => h("li", {}, ...item.map((child) => drawInline(child, me)))));
    case "paragraph":
      return h("p", {}, ...block.children.map((child) => drawInline(child, me)));
  }
}

/** @param {Inline} node @param {string} me @returns {Node} */
function drawInline(node, me) {
  switch (node.kind) {
    case "text":
      return document.createTextNode(node.text);
    case "code":
      return h("code", { text: node.text });
    case "break":
      return h("br");
    case "mention":
      return h("span", { class: node.id === me ? "mention mine" : "mention", text: node.text });
    case "link":
      return h("a", { href: node.href, target: "_blank", rel: "noopener noreferrer" }, ...node.children.map((child) => drawInline(child, me)));
    default:
      return h(node.kind, {}, ...node.children.map((child) => drawInline(child, me)));
  }
}
