const PING_EVERY = 20_000;
const ANSWER_WITHIN = 10_000;
const OPEN_WITHIN = 6_000;
const LONGEST_PAUSE = 15_000;

/** A WebSocket that comes back: it opens again after a growing pause, and notices a connection that died in silence. */
export class Socket {
  #url;
  #handlers;
  #socket = null;
  #attempts = 0;
  #timers = { retry: 0, ping: 0, answer: 0, open: 0 };
  #wanted = false;

  /** `onUp()`, `onFrame(frame)`, `onDown({code, opened, attempts})`. */
  constructor(url, handlers) {
    this.#url = url;
    this.#handlers = handlers;
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open() {
    this.#wanted = true;
    clearTimeout(this.#timers.retry);
    if (this.#socket) return;
    const socket = new WebSocket(this.#url);
    let opened = false;
    this.#socket = socket;
    this.#timers.open = setTimeout(() => this.#drop(socket), OPEN_WITHIN);
    socket.onopen = () => {
      opened = true;
      this.#attempts = 0;
      clearTimeout(this.#timers.open);
      this.#timers.ping = setInterval(() => this.check(), PING_EVERY);
      this.#handlers.onUp();
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(this.#timers.answer);
      this.#timers.answer = 0;
      this.#handlers.onFrame(JSON.parse(data));
    };
    socket.onclose = ({ code }) => this.#lost(socket, { code, opened });
  }

  close() {
    this.#wanted = false;
    clearTimeout(this.#timers.retry);
    this.#socket?.close(1000);
  }

  /** Sends a frame; false when there is no open socket. */
  send(frame) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Asks the server for a sign of life; without one the connection counts as lost. */
  check() {
    if (this.#timers.answer || !this.send({ type: "ping" })) return;
    const socket = this.#socket;
    this.#timers.answer = setTimeout(() => this.#drop(socket), ANSWER_WITHIN);
  }

  /** The network is back: no reason to sit out the pause. */
  hurry() {
    this.#attempts = 0;
    if (this.#wanted && !this.#socket) this.open();
    else this.check();
  }

  #drop(socket) {
    // A dead connection does not answer the closing handshake either, so its `onclose` may come minutes late.
    socket.close();
    this.#lost(socket, { code: 1006, opened: true });
  }

  #lost(socket, { code, opened }) {
    if (this.#socket !== socket) return;
    this.#socket = null;
    clearTimeout(this.#timers.open);
    clearInterval(this.#timers.ping);
    clearTimeout(this.#timers.answer);
    this.#timers.answer = 0;
    this.#attempts += 1;
    if (this.#wanted) {
      const pause = Math.min(LONGEST_PAUSE, 250 * 2 ** (this.#attempts - 1));
      // Jitter: after a restart of the server not every page comes back in the same instant.
      this.#timers.retry = setTimeout(() => this.open(), pause * (0.7 + Math.random() * 0.6));
    }
    this.#handlers.onDown({ code, opened, attempts: this.#attempts });
  }
}
