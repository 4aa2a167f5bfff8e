import { h } from "./dom.js";

const SHOWN_FOR = 2500;

/** Says something short at the bottom; with `action` ({label, run}) it stays `ms` long and can be acted upon. */
export function toast(text, { action = null, ms = SHOWN_FOR } = {}) {
  const region = document.getElementById("toasts");
  const element = h("div.toast", {}, h("span", {}, text));
  const end = () => {
    clearTimeout(timer);
    element.remove();
  };
  if (action) {
    const act = () => {
      end();
      action.run();
    };
    element.append(h("button", { type: "button", onclick: act }, action.label));
  }
  region.append(element);
  const timer = setTimeout(end, ms);
  return end;
}
