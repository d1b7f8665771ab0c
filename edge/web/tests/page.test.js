import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { test } from "node:test";

const root = new URL("../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.slice(root.pathname.length).replace(/^\//, ""))
  .filter((path) => !/^(tests\/|node_modules\/|README|tsconfig|package)/.test(path));
const modules = files.filter((path) => path.endsWith(".js") && path !== "theme.js");

test("the page loads all modules at once: none waits for another to name it", () => {
  const page = read("index.html");
  const named = [...page.matchAll(/rel="modulepreload" href="\.\/([^"]+)"/g)].map((match) => match[1]);
  assert.deepEqual(named.sort(), modules.filter((path) => path !== "app.js" && path !== "client/types.js").sort());
  const styles = [...page.matchAll(/rel="stylesheet" href="\.\/([^"]+)"/g)].map((match) => match[1]);
  assert.deepEqual(styles.sort(), files.filter((path) => path.endsWith(".css")).sort());
});

test("nothing needs a looser content security policy or another host", () => {
  for (const path of files) {
    const text = read(path);
    assert.doesNotMatch(text, /\.(innerHTML|outerHTML|insertAdjacentHTML)\b|document\.write|\beval\(|new Function\(/, path);
    assert.doesNotMatch(text.replaceAll("http://www.w3.org/", ""), /(src|href|url\(|import|from)\s*[=(]?\s*["']?https?:\/\//, path);
  }
  assert.doesNotMatch(read("index.html"), /<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=/);
});

test("the client and the formats know no DOM, the components no socket", () => {
  for (const path of modules) {
    if (/^(client|format)\//.test(path)) assert.doesNotMatch(read(path), /\bdocument\b|\bwindow\b|sessionStorage|localStorage|from "\.\.\/ui/, path);
    if (path.startsWith("ui/")) assert.doesNotMatch(read(path), /WebSocket|\bfetch\(|XMLHttpRequest|client\/(chat|connection|outbox|store|api|upload)\.js"(?!\))/, path);
  }
});

test("the whole UI is below 100 KB gzipped", () => {
  const size = files.reduce((sum, path) => sum + gzipSync(readFileSync(new URL(path, root))).length, 0);
  assert.ok(size < 100_000, `${size} bytes`);
});
