import { isTyping } from "./dom.js";
import { isMenuOpen } from "./menu.js";

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** Shows the keys as this keyboard has them. */
export function nameKeys(root) {
  for (const key of root.querySelectorAll("kbd[data-keys]")) {
    key.textContent = isMac ? key.dataset.keys.replace("Ctrl+", "⌘").replace("Shift+", "⇧") : key.dataset.keys;
  }
}

/** The keys of the page: `search`, `newChat`, `compose`, `help`, `stop`. */
export function listenForKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    const action = actionOf(event);
    if (!action) return;
    event.preventDefault();
    actions[action]();
  });
}

function actionOf(event) {
  if (document.querySelector("dialog[open]")) return null; // it has keys of its own
  const { key, shiftKey, altKey, target } = event;
  const command = isMac ? event.metaKey : event.ctrlKey;
  if (command && !shiftKey && !altKey && key.toLowerCase() === "k") return "search";
  if (command && shiftKey && key.toLowerCase() === "o") return "newChat";
  if (key === "Escape") return isMenuOpen() ? "closeMenu" : "stop";
  if (event.ctrlKey || event.metaKey || altKey || isTyping(target)) return null;
  return { "/": "compose", "?": "help" }[key] ?? null;
}
