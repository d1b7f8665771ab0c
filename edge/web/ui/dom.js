// Building elements in one expression, and drawing at most once per frame.

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {Record<string, any>} Props attributes; `on` holds listeners, `text` the text content */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  setProps(element, props);
  element.append(...nodes(children));
  return element;
}

/** @param {Element} element @param {Props} props null, undefined and false leave an attribute out */
export function setProps(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, /** @type {any} */ (listener));
    } else if (name === "text") {
      element.textContent = value;
    } else if (value === null || value === undefined || value === false) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

/** @param {Child[]} children @returns {(Node | string)[]} */
export function nodes(children) {
  return /** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== undefined && child !== false));
}

/** @param {EventTarget} target @param {string} name @param {any} [detail] an event that parents hear */
export function fire(target, name, detail) {
  target.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
}

/**
 * Calls `draw` once for any number of requests: in the next frame, or soon where frames stand still (a hidden tab).
 * @param {() => void} draw
 */
export function scheduler(draw) {
  let planned = false;
  return () => {
    if (planned) return;
    planned = true;
    const run = () => {
      if (!planned) return;
      planned = false;
      draw();
    };
    requestAnimationFrame(run);
    setTimeout(run, 200);
  };
}

/**
 * Makes the children of `parent` exactly `wanted`, moving as few as possible.
 * @param {Element} parent
 * @param {Element[]} wanted
 */
export function reconcile(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const child of wanted) {
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
}
