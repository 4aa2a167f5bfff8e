import { AnswerView } from "./answer.js";
import { h } from "./dom.js";
import { clockTime } from "./format.js";
import { onNextFrame } from "./frame.js";
import { icon } from "./icons.js";
import { StickyScroll } from "./scroll.js";
import { isActive } from "./store.js";

/** The messages of the conversation that is shown. An entry is {kind: "user", text} or {kind: "answer", answer}. */
export class Transcript {
  #log;
  #status;
  #views = new Map(); // entry -> {element, draw}
  #scroll;
  #agentTitle;
  #onRetry;
  #onDecide;

  constructor({ log, scroller, jump, status, agentTitle, onRetry, onDecide }) {
    this.#log = log;
    this.#status = status;
    this.#agentTitle = agentTitle;
    this.#onRetry = onRetry;
    this.#onDecide = onDecide;
    this.#scroll = new StickyScroll(scroller, log, jump);
  }

  show(entries) {
    this.#views.clear();
    this.#log.replaceChildren(...entries.map((entry) => this.#make(entry)));
    this.#busy(entries);
    this.#scroll.toEnd();
  }

  append(...entries) {
    this.#log.append(...entries.map((entry) => this.#make(entry)));
    this.#busy(entries);
    this.#scroll.toEnd();
  }

  remove(...entries) {
    for (const entry of entries) {
      this.#views.get(entry)?.element.remove();
      this.#views.delete(entry);
    }
  }

  /** Draws an entry that has changed, with the next frame. */
  changed(entry) {
    if (this.#views.has(entry)) onNextFrame(entry, () => this.#draw(entry));
  }

  /** Says something once to people who listen instead of looking. */
  announce(text) {
    this.#status.textContent = "";
    setTimeout(() => (this.#status.textContent = text), 50);
  }

  #busy(entries) {
    const busy = entries.some((entry) => entry.kind === "answer" && isActive(entry.answer));
    this.#log.setAttribute("aria-busy", String(busy));
  }

  #draw(entry) {
    const view = this.#views.get(entry);
    if (!view) return;
    if (view.draw() === false) return this.changed(entry);
    this.#busy([...this.#views.keys()]);
    this.#scroll.keep();
  }

  #make(entry) {
    const view = entry.kind === "user" ? ownMessage(entry) : this.#answer(entry);
    this.#views.set(entry, view);
    view.draw();
    return view.element;
  }

  #answer(entry) {
    const view = new AnswerView({
      onRetry: () => this.#onRetry(entry),
      onDecide: (callId, decision) => this.#onDecide(entry, callId, decision),
    });
    return { element: view.element, draw: () => view.update(entry.answer, this.#agentTitle(entry.answer.agentName)) };
  }
}

function ownMessage({ text, createdAt }) {
  const copy = h("button.quiet.copy-text", { type: "button", "aria-label": "Copy message" }, icon("copy"), "Copy");
  copy.copyText = text;
  const element = h(
    "article.own",
    { "aria-label": "Your message" },
    h("div.bubble", {}, text),
    h("div.facts", {}, copy, createdAt ? h("time", { datetime: createdAt }, clockTime(createdAt)) : null),
  );
  return { element, draw: () => true };
}
