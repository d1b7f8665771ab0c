// Uploads under way: name, progress, a way to stop each; what failed stays until it is tried again or put away.

import { fileSize } from "../format/people.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

export class UploadTray extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "list");
    this.setAttribute("aria-label", "Uploads");
  }

  /**
   * @param {File} file
   * @param {{ cancel: () => void, retry: () => void }} actions
   * @returns {{ progress: (fraction: number) => void, fail: (reason: string, retryable: boolean) => void, remove: () => void }}
   */
  add(file, { cancel, retry }) {
    const bar = h("progress", { max: "1", value: "0", "aria-label": `Uploading ${file.name}` });
    const detail = h("span", { class: "file-detail", text: fileSize(file.size) });
    const again = h("button", { type: "button", class: "button small", text: "Try again", hidden: true, on: { click: () => { row.remove(); retry(); } } });
    const stop = h("button", { type: "button", class: "icon-button small", "aria-label": `Cancel ${file.name}`, title: "Cancel", on: { click: () => { row.remove(); cancel(); } } }, icon("close"));
    const row = h("div", { class: "upload", role: "listitem", "data-testid": "upload" }, icon("file"),
      h("span", { class: "file-text" }, h("span", { class: "file-name", text: file.name }), detail, bar), again, stop);
    this.append(row);
    return {
      progress: (fraction) => {
        bar.value = fraction;
        detail.textContent = fraction < 1 ? `${Math.round(fraction * 100)}% of ${fileSize(file.size)}` : "Finishing…";
      },
      fail: (reason, retryable) => {
        row.classList.add("failed");
        detail.textContent = reason;
        detail.setAttribute("role", "alert");
        bar.hidden = true;
        again.hidden = !retryable;
        stop.setAttribute("aria-label", `Put ${file.name} away`);
      },
      remove: () => row.remove(),
    };
  }
}

customElements.define("upload-tray", UploadTray);
