import { setText } from "./dom.js";

const PATIENCE = 1200; // ms; a connection that is back sooner is nobody's business

const STATES = {
  live: { label: "live", text: "" },
  connecting: { label: "connecting", text: "" },
  reconnecting: { label: "reconnecting", text: "The connection was lost. Reconnecting; nothing that was said gets lost." },
  offline: { label: "offline", text: "You are offline. The page goes on by itself as soon as the network is back." },
};

/** The state of the connection: a word in the header, and a banner once a loss has lasted a moment. */
export class Connection {
  #pill;
  #banner;
  #timer = 0;
  state = null;

  constructor({ pill, banner }) {
    this.#pill = pill;
    this.#banner = banner;
  }

  set(state) {
    if (state === this.state) return;
    this.state = state;
    const { label, text } = STATES[state];
    this.#pill.dataset.state = state;
    setText(this.#pill.querySelector("span"), label);
    clearTimeout(this.#timer);
    if (!text) this.#show("");
    else this.#timer = setTimeout(() => this.#show(text), state === "offline" ? 0 : PATIENCE);
  }

  #show(text) {
    this.#banner.hidden = !text;
    setText(this.#banner, text);
  }
}
