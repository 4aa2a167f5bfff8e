import { h } from "./dom.js";

let close = null;

export const closeMenu = () => close?.();
export const isMenuOpen = () => close !== null;

/** Puts a floating element below its anchor, or above where there is no room, inside the window. */
function place(element, anchor) {
  const box = anchor.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = element;
  const below = box.bottom + 4 + offsetHeight <= innerHeight - 8;
  const top = below ? box.bottom + 4 : Math.max(8, box.top - 4 - offsetHeight);
  element.style.top = `${top}px`;
  element.style.left = `${Math.max(8, Math.min(box.left, innerWidth - offsetWidth - 8))}px`;
}

/**
 * Opens a floating list at a button. `items` are elements with role menuitem or option; arrows move, Enter and click
 * choose, Escape, Tab and a click elsewhere close, and the focus returns to the button.
 */
export function openMenu(anchor, { role, label, items, selected = 0 }) {
  close?.();
  const menu = h(`div.menu.menu-${role}`, { role, "aria-label": label }, items);
  const outside = ({ target }) => menu.contains(target) || anchor.contains(target) || shut();
  const shut = () => {
    close = null;
    menu.remove();
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    removeEventListener("resize", shut);
  };
  const shutAndReturn = () => {
    shut();
    anchor.focus();
  };
  menu.addEventListener("keydown", (event) => moveWithin(event, items, shutAndReturn));
  menu.addEventListener("click", ({ target }) => target.closest("[role]:not([aria-disabled=true])") !== menu && shut());
  document.addEventListener("pointerdown", outside, true);
  addEventListener("resize", shut);
  (anchor.closest("nav, main") ?? document.body).append(menu); // inside the landmark that it belongs to
  anchor.setAttribute("aria-expanded", "true");
  place(menu, anchor);
  items[Math.max(0, selected)]?.focus();
  close = shutAndReturn;
}

function moveWithin(event, items, leave) {
  const at = items.indexOf(document.activeElement);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
  if (event.key in steps) items.at(steps[event.key] % items.length)?.focus();
  else if (event.key === "Escape" || event.key === "Tab") leave();
  else return;
  event.preventDefault();
  event.stopPropagation();
}
