import { drafts, recall, remember } from "./storage.js";

const DRAFT_PAUSE = 250; // ms without typing

/** The field that a message is written in, with Send or Stop. */
export class Composer {
  #form;
  #field;
  #send;
  #stop;
  #parallel;
  #newHistory;
  #handlers;
  #conversationId; // null: of a chat that has not begun
  #timer = 0;
  #running = false;
  #arrive = null; // brings the conversation, where that is not here yet
  #sendWanted = false; // whether the text is to go as soon as it is
  #typed = false; // whether the text in the field is newer than the stored draft

  /** Handlers: `onSend(text, {parallelTools, resetHistory})`, `onStop()`, `onBusy()`. */
  constructor(form, handlers) {
    this.#form = form;
    this.#handlers = handlers;
    this.#field = form.querySelector("textarea");
    this.#send = form.querySelector(".send");
    this.#stop = form.querySelector(".stop");
    [this.#parallel, this.#newHistory] = form.querySelectorAll(".chip");
    this.#press(this.#parallel, recall("sequential") === null);
    form.addEventListener("submit", (event) => this.#submit(event));
    form.addEventListener("click", ({ target }) => target.closest("button, textarea") || this.focus());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.#field.addEventListener("input", () => this.#changed());
    this.#stop.addEventListener("click", () => handlers.onStop());
    this.#parallel.addEventListener("click", () => this.#toggleParallel());
    this.#newHistory.addEventListener("click", () => this.#press(this.#newHistory, !isPressed(this.#newHistory)));
    addEventListener("pagehide", () => this.#saveDraft());
  }

  get parallelTools() {
    return isPressed(this.#parallel);
  }

  get conversationId() {
    return this.#conversationId;
  }

  get text() {
    return this.#field.value;
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  /** Shows the draft of a conversation; the one of the conversation before is kept. */
  open(conversationId) {
    this.#arrive = null;
    if (conversationId === this.#conversationId) return; // it has come, or was read again: what is being written stays
    this.#saveDraft();
    this.#sendWanted = false;
    this.#conversationId = conversationId;
    this.#newHistory.hidden = conversationId === null;
    this.#press(this.#newHistory, false);
    this.setText(drafts.read(conversationId));
  }

  /** The chat that was new has an id now; the text in the field belongs to it. */
  named(conversationId) {
    this.#conversationId = conversationId;
    this.#newHistory.hidden = false;
    this.#saveDraft();
  }

  setText(text) {
    this.#field.value = text;
    this.#typed = false;
    this.#resize();
    this.#send.disabled = !text.trim();
  }

  /** Puts a text back that was not sent, before what has been begun since. */
  giveBack(text) {
    this.setText([text, this.#field.value].filter((part) => part.trim()).join("\n\n"));
    this.#changed();
  }

  /**
   * Shows the draft of a conversation that is not here yet. `arrive()` brings it, and says whether it has come: a message
   * stays in the field until then. Where it has not come, Send tries again.
   */
  async expect(conversationId, arrive) {
    this.open(conversationId);
    this.#arrive = arrive;
    await this.#arriveNow();
  }

  async #arriveNow() {
    if (this.#form.ariaBusy === "true") return;
    const conversationId = this.#conversationId;
    this.#form.ariaBusy = "true";
    const isHere = await this.#arrive().finally(() => (this.#form.ariaBusy = null));
    if (conversationId !== this.#conversationId) return; // another one was opened meanwhile
    if (isHere) this.#arrive = null;
    if (isHere && this.#sendWanted) this.#form.requestSubmit();
    this.#sendWanted = false;
  }

  setRunning(running) {
    this.#running = running;
    const hadFocus = [this.#send, this.#stop].includes(document.activeElement);
    this.#send.hidden = running;
    this.#stop.hidden = !running;
    if (hadFocus) this.focus();
  }

  setAgent(name) {
    this.#field.placeholder = `Message ${name}…`;
    this.#field.setAttribute("aria-label", `Message ${name}`);
  }

  #key(event) {
    // While an input method is composing, Enter chooses a word (229 is how older browsers say so).
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #submit(event) {
    event.preventDefault();
    const text = this.#field.value.trim();
    if (!text) return;
    if (this.#running) return this.#handlers.onBusy();
    if (this.#arrive) {
      this.#sendWanted = true;
      return this.#arriveNow();
    }
    const resetHistory = isPressed(this.#newHistory);
    clearTimeout(this.#timer);
    this.setText("");
    this.#press(this.#newHistory, false);
    this.#handlers.onSend(text, { parallelTools: this.parallelTools, resetHistory });
    this.focus();
  }

  #changed() {
    this.#typed = true;
    this.#sendWanted = false;
    this.#resize();
    this.#send.disabled = !this.#field.value.trim();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#saveDraft(), DRAFT_PAUSE);
  }

  #saveDraft() {
    clearTimeout(this.#timer);
    // A message on its way stays the stored draft until the server has it: the emptied field does not overwrite it.
    if (this.#typed) drafts.write(this.#conversationId, this.#field.value);
    this.#typed = false;
  }

  #resize() {
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }

  #toggleParallel() {
    this.#press(this.#parallel, !this.parallelTools);
    remember("sequential", this.parallelTools ? null : "1");
  }

  #press(chip, pressed) {
    chip.setAttribute("aria-pressed", String(pressed));
  }
}

const isPressed = (chip) => chip.getAttribute("aria-pressed") === "true";
