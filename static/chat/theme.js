import { recall, remember } from "./storage.js";

/** Light, dark, or as the system has it: three radio buttons. theme-boot.js sets the same before the first paint. */
export function themeChoice(fieldset) {
  const chosen = recall("theme") ?? "system";
  for (const radio of fieldset.querySelectorAll("input")) {
    radio.checked = radio.value === chosen;
    radio.addEventListener("change", () => setTheme(radio.value));
  }
}

function setTheme(theme) {
  remember("theme", theme === "system" ? null : theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
