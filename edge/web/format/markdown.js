// The Markdown subset of messages, parsed to a tree of plain values: no HTML anywhere, so there is nothing to inject.

/**
 * @typedef {{ kind: "text", text: string }
 *   | { kind: "code", text: string }
 *   | { kind: "break" }
 *   | { kind: "mention", id: string, text: string }
 *   | { kind: "link", href: string, children: Inline[] }
 *   | { kind: "strong" | "em" | "del", children: Inline[] }} Inline
 */
/**
 * @typedef {{ kind: "paragraph", children: Inline[] }
 *   | { kind: "codeblock", text: string }
 *   | { kind: "quote", children: Block[] }
 *   | { kind: "list", ordered: boolean, start: number, items: Inline[][] }} Block
 */

const MAX_DEPTH = 6;
const FENCE = /^\s{0,3}```/;
const QUOTE = /^\s{0,3}> ?/;
const BULLET = /^\s{0,6}[-*+] +(?=\S)/;
const NUMBER = /^\s{0,6}(\d{1,9})[.)] +(?=\S)/;
const URL_START = /https?:\/\//g;
const MENTION = /@([a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?)/iy;
/** @type {[string, "strong" | "em" | "del"][]} longest first */
const MARKS = [["**", "strong"], ["__", "strong"], ["~~", "del"], ["*", "em"], ["_", "em"]];

/** @param {string} source @returns {Block[]} */
export function parseMarkdown(source) {
  return blocks(source.replace(/\r\n?/g, "\n").split("\n"), 0);
}

/** @param {string[]} lines @param {number} depth @returns {Block[]} */
function blocks(lines, depth) {
  /** @type {Block[]} */
  const out = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    if (line.trim() === "") {
      at += 1;
    } else if (FENCE.test(line)) {
      let end = at + 1;
      while (end < lines.length && !/^\s{0,3}```\s*$/.test(lines[end])) end += 1;
      const single = /^\s{0,3}```(.+?)```\s*$/.exec(line);
      if (single) {
        out.push({ kind: "codeblock", text: single[1] });
        at += 1;
      } else {
        out.push({ kind: "codeblock", text: lines.slice(at + 1, end).join("\n") });
        at = end + 1;
      }
    } else if (QUOTE.test(line) && depth < MAX_DEPTH) {
      const end = endOf(lines, at, (other) => QUOTE.test(other));
      out.push({ kind: "quote", children: blocks(lines.slice(at, end).map((other) => other.replace(QUOTE, "")), depth + 1) });
      at = end;
    } else if (BULLET.test(line)) {
      const end = endOf(lines, at, (other) => BULLET.test(other));
      out.push({ kind: "list", ordered: false, start: 1, items: lines.slice(at, end).map((other) => inlines(other.replace(BULLET, ""), depth)) });
      at = end;
    } else if (NUMBER.test(line)) {
      const end = endOf(lines, at, (other) => NUMBER.test(other));
      const start = Number(NUMBER.exec(line)?.[1]);
      out.push({ kind: "list", ordered: true, start, items: lines.slice(at, end).map((other) => inlines(other.replace(NUMBER, ""), depth)) });
      at = end;
    } else {
      const end = endOf(lines, at + 1, (other) => other.trim() !== "" && !startsBlock(other, depth));
      out.push({ kind: "paragraph", children: inlines(lines.slice(at, end).join("\n"), depth) });
      at = end;
    }
  }
  return out;
}

/** @param {string} line @param {number} depth */
function startsBlock(line, depth) {
  return FENCE.test(line) || (depth < MAX_DEPTH && QUOTE.test(line)) || BULLET.test(line) || NUMBER.test(line);
}

/** @param {string[]} lines @param {number} at @param {(line: string) => boolean} belongs */
function endOf(lines, at, belongs) {
  let end = at;
  while (end < lines.length && belongs(lines[end])) end += 1;
  return end;
}

/** @param {string} source @param {number} depth @returns {Inline[]} */
function inlines(source, depth) {
  /** @type {Inline[]} */
  const out = [];
  /** Marks without a closing one from here on: looked for once, not once per character. @type {Set<string>} */
  const unclosed = new Set();
  let plain = "";
  let at = 0;
  const flush = () => {
    if (plain !== "") out.push({ kind: "text", text: plain });
    plain = "";
  };
  /** @param {Inline} node @param {number} end */
  const push = (node, end) => {
    flush();
    out.push(node);
    at = end;
  };
  while (at < source.length) {
    const char = source[at];
    const found = char === "\\" ? escaped(source, at)
      : char === "\n" ? { node: /** @type {Inline} */ ({ kind: "break" }), end: at + 1 }
      : char === "`" ? code(source, at, unclosed)
      : char === "[" && depth < MAX_DEPTH ? link(source, at)
      : char === "h" ? bareUrl(source, at)
      : char === "@" ? mention(source, at)
      : (char === "*" || char === "_" || char === "~") && depth < MAX_DEPTH ? emphasis(source, at, depth, unclosed)
      : null;
    if (found) {
      push(found.node, found.end);
    } else {
      plain += char;
      at += 1;
    }
  }
  flush();
  return join(out);
}

/** Neighbouring texts as one. @param {Inline[]} nodes */
function join(nodes) {
  /** @type {Inline[]} */
  const out = [];
  for (const node of nodes) {
    const last = out.at(-1);
    if (node.kind === "text" && last?.kind === "text") last.text += node.text;
    else out.push(node);
  }
  return out;
}

/** @typedef {{ node: Inline, end: number } | null} Found */

/** @param {string} source @param {number} at @returns {Found} */
function escaped(source, at) {
  const next = source[at + 1] ?? "";
  return /[\\`*_~[\]()>#@-]/.test(next) ? { node: { kind: "text", text: next }, end: at + 2 } : null;
}

/** @param {string} source @param {number} at @param {Set<string>} unclosed @returns {Found} */
function code(source, at, unclosed) {
  let ticks = 1;
  while (source[at + ticks] === "`") ticks += 1;
  const fence = "`".repeat(ticks);
  if (unclosed.has(fence)) return { node: { kind: "text", text: fence }, end: at + ticks };
  let end = source.indexOf(fence, at + ticks);
  while (end !== -1 && source[end + ticks] === "`") {
    while (source[end] === "`") end += 1;
    end = source.indexOf(fence, end);
  }
  if (end <= at + ticks) {
    unclosed.add(fence);
    return { node: { kind: "text", text: fence }, end: at + ticks };
  }
  const text = source.slice(at + ticks, end);
  return { node: { kind: "code", text: ticks > 1 ? text.trim() : text }, end: end + ticks };
}

/** @param {string} source @param {number} at @returns {Found} */
function link(source, at) {
  const match = /^\[([^\[\]\n]{1,500})\]\((https?:\/\/[^\s()]{1,2000}(?:\([^\s()]{0,200}\)[^\s()]{0,500})?)\)/i.exec(source.slice(at, at + 3300));
  const href = match ? webUrl(match[2]) : null;
  if (!match || !href) return null;
  return { node: { kind: "link", href, children: inlines(match[1], MAX_DEPTH).map(unlinked) }, end: at + match[0].length };
}

/** A link holds no link. @param {Inline} node @returns {Inline} */
function unlinked(node) {
  return node.kind === "link" ? { kind: "text", text: node.children.map((child) => (child.kind === "text" ? child.text : "")).join("") } : node;
}

/** @param {string} source @param {number} at @returns {Found} */
function bareUrl(source, at) {
  if (at > 0 && /\w/.test(source[at - 1])) return null;
  URL_START.lastIndex = at;
  if (URL_START.exec(source)?.index !== at) return null;
  let text = /^[^\s<>"`]+/.exec(source.slice(at, at + 2000))?.[0] ?? "";
  text = text.replace(/[.,;:!?'*_~\]}]+$/, "");
  while (text.endsWith(")") && count(text, ")") > count(text, "(")) text = text.slice(0, -1).replace(/[.,;:!?]+$/, "");
  const href = webUrl(text);
  return href ? { node: { kind: "link", href, children: [{ kind: "text", text }] }, end: at + text.length } : null;
}

/** @param {string} text @param {string} char */
function count(text, char) {
  return text.split(char).length - 1;
}

/** @param {string} text @returns {string | null} the address, where it is http or https and has a host */
function webUrl(text) {
  try {
    const url = new URL(text);
    return (url.protocol === "https:" || url.protocol === "http:") && url.hostname !== "" ? url.href : null;
  } catch {
    return null;
  }
}

/** @param {string} source @param {number} at @returns {Found} */
function mention(source, at) {
  if (at > 0 && /[\w@./-]/.test(source[at - 1])) return null;
  MENTION.lastIndex = at;
  const match = MENTION.exec(source);
  return match ? { node: { kind: "mention", id: match[1].toLowerCase(), text: match[0] }, end: at + match[0].length } : null;
}

/** @param {string} source @param {number} at @param {number} depth @param {Set<string>} unclosed @returns {Found} */
function emphasis(source, at, depth, unclosed) {
  for (const [mark, kind] of MARKS) {
    if (!source.startsWith(mark, at) || unclosed.has(mark)) continue;
    const start = at + mark.length;
    if (/\s/.test(source[start] ?? " ")) continue;
    if (mark[0] === "_" && at > 0 && /\w/.test(source[at - 1])) continue;
    const end = closing(source, mark, start);
    if (end === -1) {
      unclosed.add(mark);
      continue;
    }
    return { node: { kind, children: inlines(source.slice(start, end), depth + 1) }, end: end + mark.length };
  }
  const run = /^([*_~])\1*/.exec(source.slice(at, at + 64))?.[0] ?? source[at];
  return { node: { kind: "text", text: run }, end: at + run.length };
}

/** @param {string} source @param {string} mark @param {number} start @returns {number} -1 where it is not closed */
function closing(source, mark, start) {
  let at = source.indexOf(mark, start + 1);
  while (at !== -1) {
    const after = source[at + mark.length] ?? "";
    const whole = mark.length === 2 || (after !== mark && source[at - 1] !== mark);
    const word = mark[0] !== "_" || !/\w/.test(after);
    if (!/\s/.test(source[at - 1]) && whole && word) return mark.length === 2 && after === mark[0] ? at + 1 : at;
    at = source.indexOf(mark, at + 1);
  }
  return -1;
}
