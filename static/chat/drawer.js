const NARROW = matchMedia("(max-width: 759px)");

/** The sidebar of a narrow window: it slides over the page, takes the focus, and gives it back. */
export class Drawer {
  #sidebar;
  #main;
  #opener;
  #scrim;

  constructor({ sidebar, main, opener, closer, scrim }) {
    this.#sidebar = sidebar;
    this.#main = main;
    this.#opener = opener;
    this.#scrim = scrim;
    opener.addEventListener("click", () => this.open());
    closer.addEventListener("click", () => this.close());
    scrim.addEventListener("click", () => this.close());
    NARROW.addEventListener("change", () => this.#set(false));
    this.#set(false);
  }

  get isOpen() {
    return NARROW.matches && !this.#sidebar.inert;
  }

  open() {
    if (!NARROW.matches) return;
    this.#set(true);
    this.#sidebar.querySelector("a, button, input").focus();
  }

  close() {
    if (!this.isOpen) return;
    this.#set(false);
    this.#opener.focus();
  }

  /** What is behind a closed drawer, or under an open one, can be reached neither by Tab nor by a screen reader. */
  #set(open) {
    document.documentElement.classList.toggle("drawer-open", open);
    this.#sidebar.inert = NARROW.matches && !open;
    this.#main.inert = open;
    this.#scrim.hidden = !open;
    this.#opener.setAttribute("aria-expanded", String(open));
  }
}
