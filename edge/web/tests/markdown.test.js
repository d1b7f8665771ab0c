import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMarkdown } from "../format/markdown.js";

const text = (value) => ({ kind: "text", text: value });
const paragraph = (...children) => [{ kind: "paragraph", children }];

test("inline marks", () => {
  assert.deepEqual(parseMarkdown("a **b** *c* ~~d~~ `e`"), paragraph(
    text("a "), { kind: "strong", children: [text("b")] }, text(" "), { kind: "em", children: [text("c")] }, text(" "),
    { kind: "del", children: [text("d")] }, text(" "), { kind: "code", text: "e" }));
});

test("nested and triple marks", () => {
  assert.deepEqual(parseMarkdown("**a *b* c**"), paragraph({ kind: "strong", children: [text("a "), { kind: "em", children: [text("b")] }, text(" c")] }));
  assert.deepEqual(parseMarkdown("***x***"), paragraph({ kind: "strong", children: [{ kind: "em", children: [text("x")] }] }));
});

test("what is not a mark stays as it was written", () => {
  for (const source of ["2 * 3 * 4", "snake_case_name", "**open", "a ~ b", "\\*no\\*"]) {
    const [block] = parseMarkdown(source);
    assert.deepEqual(block, { kind: "paragraph", children: [text(source.replaceAll("\\", ""))] }, source);
  }
});

test("HTML is text", () => {
  const source = "<img src=x onerror=alert(1)><script>alert(1)</script>";
  assert.deepEqual(parseMarkdown(source), paragraph(text(source)));
});

test("only http and https links", () => {
  for (const source of ["[x](javascript:alert(1))", "[x](data:text/html,hi)", "[x](//evil.example)", "[x](JaVaScRiPt:1)", "javascript:alert(1)"]) {
    assert.deepEqual(JSON.stringify(parseMarkdown(source)).includes('"link"'), false, source);
  }
  assert.deepEqual(parseMarkdown("[docs](https://example.org/a)"), paragraph({ kind: "link", href: "https://example.org/a", children: [text("docs")] }));
});

test("bare addresses end before punctuation", () => {
  assert.deepEqual(parseMarkdown("see https://example.org/a_b_(c)."), paragraph(
    text("see "), { kind: "link", href: "https://example.org/a_b_(c)", children: [text("https://example.org/a_b_(c)")] }, text(".")));
  assert.deepEqual(parseMarkdown("(http://x.org/)"), paragraph(text("("), { kind: "link", href: "http://x.org/", children: [text("http://x.org/")] }, text(")")));
});

test("a link's text holds no second link", () => {
  const [block] = parseMarkdown("[https://good.example](https://other.example/)");
  assert.deepEqual(block.children, [{ kind: "link", href: "https://other.example/", children: [text("https://good.example")] }]);
});

test("mentions are whole words", () => {
  assert.deepEqual(parseMarkdown("@alice, hi"), paragraph({ kind: "mention", id: "alice", text: "@alice" }, text(", hi")));
  assert.deepEqual(parseMarkdown("ask @Bob.smith."), paragraph(text("ask "), { kind: "mention", id: "bob.smith", text: "@Bob.smith" }, text(".")));
  assert.deepEqual(parseMarkdown("me@example.org"), paragraph(text("me@example.org")));
});

test("blocks", () => {
  assert.deepEqual(parseMarkdown("hi\nyou\n\n```js\nlet a = '<b>';\n```\n> q\n- a\n- b\n\n3. c"), [
    { kind: "paragraph", children: [text("hi"), { kind: "break" }, text("you")] },
    { kind: "codeblock", text: "let a = '<b>';" },
    { kind: "quote", children: paragraph(text("q")) },
    { kind: "list", ordered: false, start: 1, items: [[text("a")], [text("b")]] },
    { kind: "list", ordered: true, start: 3, items: [[text("c")]] },
  ]);
});

test("a code block that is never closed runs to the end", () => {
  assert.deepEqual(parseMarkdown("```\na\nb"), [{ kind: "codeblock", text: "a\nb" }]);
});

test("marks are not read inside code", () => {
  assert.deepEqual(parseMarkdown("`**a** @bob`"), paragraph({ kind: "code", text: "**a** @bob" }));
});

test("hostile input of the longest allowed length ends soon", { timeout: 5_000 }, () => {
  for (const piece of ["*", "_", "`", "[", "> ", "**a", "`a``b", "_a ", "*a **b ~~c ", "@", "http://", "~~a~~~", "(", "- ", "[a](http://"]) {
    const source = piece.repeat(Math.floor(16_000 / piece.length));
    assert.ok(parseMarkdown(source).length >= 0);
  }
});
