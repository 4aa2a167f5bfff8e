import { h } from "./dom.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";

const titleOf = ({ title }) => title || "New chat";

/** The words of a title, those that were searched for marked. */
function marked(title, searched) {
  const at = searched ? title.toLowerCase().indexOf(searched.toLowerCase()) : -1;
  if (at < 0) return [title];
  const end = at + searched.length;
  return [title.slice(0, at), h("mark", {}, title.slice(at, end)), title.slice(end)];
}

function menuItem(label, run, kind = "") {
  const onkeydown = (event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), event.currentTarget.click());
  return h("div.menu-item", { role: "menuitem", tabindex: "-1", "data-kind": kind, onclick: run, onkeydown }, label);
}

/** A conversation in the list: a link that opens it, and a menu to rename or delete it. */
export class ConversationRow {
  #conversation = null;
  #drawn = null;
  #handlers;
  #link;
  #more;

  constructor(handlers) {
    this.#handlers = handlers;
    this.#link = h("a.conversation-link", { onclick: (event) => this.#open(event) });
    this.#more = h(
      "button.conversation-more",
      { type: "button", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => this.#menu() },
      icon("more"),
    );
    this.element = h("li.conversation", {}, this.#link, this.#more);
  }

  get id() {
    return this.#conversation.id;
  }

  get isRenaming() {
    return this.element.classList.contains("renaming");
  }

  focus() {
    this.#link.focus();
  }

  setCurrent(isCurrent) {
    if (isCurrent) this.#link.setAttribute("aria-current", "page");
    else this.#link.removeAttribute("aria-current");
  }

  update(conversation, searched) {
    this.#conversation = conversation;
    const title = titleOf(conversation);
    const state = `${conversation.id}|${title}|${searched}|${Boolean(conversation.active_run_id)}`;
    if (state === this.#drawn) return;
    this.#drawn = state;
    this.element.dataset.id = conversation.id;
    this.#link.href = `/?conversation=${encodeURIComponent(conversation.id)}`;
    this.#link.title = title;
    this.#more.setAttribute("aria-label", `Actions for ${title}`);
    const dot = conversation.active_run_id ? [h("span.running-dot", {}), h("span.visually-hidden", {}, "answering: ")] : [];
    this.#link.replaceChildren(...dot, h("span.conversation-title", {}, marked(title, searched)));
  }

  #open(event) {
    // A click with a key opens a tab or window, as on any link.
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    this.#handlers.onOpen(this.id);
  }

  #menu() {
    const items = [
      menuItem("Rename", () => this.#rename()),
      menuItem("Delete", () => this.#handlers.onDelete(this), "bad"),
    ];
    openMenu(this.#more, { role: "menu", label: `Actions for ${titleOf(this.#conversation)}`, items });
  }

  #rename() {
    const field = h("input.rename", { type: "text", maxlength: "200", "aria-label": "Title", value: titleOf(this.#conversation) });
    const end = (keep) => {
      if (!this.isRenaming) return;
      this.element.classList.remove("renaming");
      field.remove();
      const title = field.value.trim();
      if (keep && title && title !== this.#conversation.title) this.#handlers.onRename(this, title);
    };
    field.addEventListener("blur", () => end(true));
    field.addEventListener("keydown", (event) => {
      if (!["Enter", "Escape"].includes(event.key) || event.isComposing) return;
      event.stopPropagation();
      end(event.key === "Enter");
      this.focus();
    });
    this.element.classList.add("renaming");
    this.element.append(field);
    field.select();
  }
}
