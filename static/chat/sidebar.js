import { api } from "./api.js";
import { ConversationRow } from "./conversation_row.js";
import { h, setText } from "./dom.js";
import { dayGroup } from "./format.js";
import { toast } from "./toast.js";

const PAGE = 40;
const TYPING_PAUSE = 200; // ms
const UNDO_FOR = 6000; // ms

/** The list of conversations: by date, longer as one scrolls, searched as one types. */
export class Sidebar {
  #list;
  #search;
  #empty;
  #end;
  #handlers;
  #conversations = [];
  #rows = new Map(); // id -> ConversationRow
  #next = null;
  #current = null;
  #loading = null; // aborts the request that is under way
  #leaving = new Map(); // id -> function that deletes it now

  /** Handlers: `onOpen(id)`, `onRemoved(id)`, `onRenamed(id, title)`, `onFailed(error)`. */
  constructor({ list, search, empty }, handlers) {
    Object.assign(handlers, { onRename: (row, title) => this.#rename(row, title), onDelete: (row) => this.#delete(row) });
    this.#list = list;
    this.#search = search;
    this.#empty = empty;
    this.#handlers = handlers;
    this.#end = h("div.list-end", { "aria-hidden": "true" });
    let timer = 0;
    search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.load(), TYPING_PAUSE);
    });
    search.addEventListener("keydown", (event) => event.key === "Escape" && this.#leaveSearch(event));
    new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && this.#more(), { rootMargin: "200px" }).observe(this.#end);
    addEventListener("pagehide", () => this.#leaving.forEach((deleteNow) => deleteNow()));
  }

  /** Reads the list anew, as far as it was shown. */
  async load() {
    this.#loading?.abort();
    const control = (this.#loading = new AbortController());
    const search = this.#search.value.trim();
    try {
      const limit = Math.min(200, Math.max(PAGE, search ? 0 : this.#conversations.length));
      const page = await api.conversations({ search, limit }, { signal: control.signal });
      this.#take(page.results, page.next);
    } catch (error) {
      if (error.name !== "AbortError") this.#handlers.onFailed(error);
    }
  }

  async #more() {
    if (!this.#next) return;
    const cursor = this.#next;
    this.#next = null;
    try {
      const page = await api.conversations({ cursor, search: this.#search.value.trim(), limit: PAGE });
      const known = new Set(this.#conversations.map(({ id }) => id));
      this.#take([...this.#conversations, ...page.results.filter(({ id }) => !known.has(id))], page.next);
    } catch (error) {
      this.#next = cursor;
      this.#handlers.onFailed(error);
    }
  }

  setCurrent(id) {
    this.#current = id;
    for (const row of this.#rows.values()) row.setCurrent(row.id === id);
  }

  /** The title of a conversation as far as the list knows it. */
  titleOf(id) {
    return this.#conversations.find((conversation) => conversation.id === id)?.title ?? "";
  }

  focusSearch() {
    this.#search.focus();
    this.#search.select();
  }

  #leaveSearch(event) {
    if (!this.#search.value) return this.#search.blur();
    event.stopPropagation();
    this.#search.value = "";
    return this.load();
  }

  #take(conversations, next) {
    this.#conversations = conversations;
    this.#next = next;
    this.#draw();
  }

  #draw() {
    if ([...this.#rows.values()].some((row) => row.isRenaming)) return; // the title that is being typed stays; the next load draws
    const searched = this.#search.value.trim();
    const shown = this.#conversations.filter(({ id }) => !this.#leaving.has(id));
    const groups = groupsOf(shown);
    const focused = document.activeElement?.closest?.(".conversation")?.dataset.id;
    const rows = new Map();
    const sections = [...groups].map(([title, members]) => this.#section(title, members, rows, searched));
    this.#rows = rows;
    this.#list.replaceChildren(...sections, this.#end);
    if (focused) rows.get(focused)?.focus();
    setText(this.#empty, shown.length ? "" : searched ? "Nothing found." : "Your conversations will stand here.");
  }

  #section(title, members, rows, searched) {
    const items = members.map((conversation) => {
      const row = this.#rows.get(conversation.id) ?? new ConversationRow(this.#handlers);
      row.update(conversation, searched);
      row.setCurrent(conversation.id === this.#current);
      rows.set(conversation.id, row);
      return row.element;
    });
    return h("section", { "aria-label": title }, h("h2", {}, title), h("ul", {}, items));
  }

  async #rename(row, title) {
    const known = this.#conversations.find(({ id }) => id === row.id);
    const before = known.title;
    known.title = title;
    row.update(known, this.#search.value.trim());
    try {
      await api.rename(row.id, title);
      this.#handlers.onRenamed(row.id, title);
    } catch (error) {
      known.title = before;
      row.update(known, this.#search.value.trim());
      this.#handlers.onFailed(error);
    }
  }

  /** A conversation leaves the list at once and the server a few seconds later, so that Undo is real. */
  #delete({ id }) {
    const deleteNow = () => {
      clearTimeout(timer);
      endToast();
      this.#remove(id);
    };
    const undo = () => {
      clearTimeout(timer);
      this.#leaving.delete(id);
      this.#draw();
    };
    const timer = setTimeout(deleteNow, UNDO_FOR);
    this.#leaving.set(id, deleteNow);
    const endToast = toast("Conversation deleted", { ms: UNDO_FOR, action: { label: "Undo", run: undo } });
    this.#draw();
    this.#handlers.onRemoved(id);
  }

  async #remove(id) {
    try {
      await api.remove(id);
      this.#conversations = this.#conversations.filter((conversation) => conversation.id !== id);
    } catch (error) {
      this.#handlers.onFailed(error);
    }
    this.#leaving.delete(id);
    this.#draw();
  }
}

function groupsOf(conversations) {
  const groups = new Map();
  for (const conversation of conversations) {
    const title = dayGroup(conversation.updated_at);
    groups.set(title, [...(groups.get(title) ?? []), conversation]);
  }
  return groups;
}
