import { api, ApiError, send } from "./api.js";
import { Socket } from "./socket.js";
import { readEvents } from "./sse.js";

const TERMINAL = new Set(["chat_complete", "chat_cancelled", "error"]);
const SILENCE = 45_000; // the server sends a heartbeat every 15 s
const QUIET = 15_000; // a run that says nothing on the socket for so long is asked for again
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Starts runs and follows them, over one WebSocket for all of them, or over Server-Sent Events where sockets are blocked.
 * Each run has a cursor; whatever breaks, following goes on after it, so no event is lost or told twice.
 *
 * Handlers: `onEvent(runId, event)`, `onState("live" | "connecting" | "reconnecting" | "offline")`,
 * `onLost(runId, error)` when a run cannot be followed any more, `onSignedOut()`.
 */
export class StreamClient {
  #handlers;
  #socket;
  #blocked = false; // sockets do not get through here, everything goes over HTTP
  #runs = new Map(); // runId -> {id, after, over: "socket" | "http" | null, heardAt}
  #waiting = new Map(); // id of a chat frame -> {onStarted, resolve, reject}
  #settled; // resolves when the first socket has opened or failed
  #settle;

  constructor(handlers) {
    this.#handlers = handlers;
    this.#settled = new Promise((resolve) => (this.#settle = resolve));
    this.#socket = new Socket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`, {
      onUp: () => this.#up(),
      onFrame: (frame) => this.#frame(frame),
      onDown: (how) => this.#down(how),
    });
    setInterval(() => this.#askAgain(), QUIET / 3);
    addEventListener("online", () => this.#online());
    addEventListener("offline", () => this.#handlers.onState("offline"));
    document.addEventListener("visibilitychange", () => document.hidden || this.#socket.hurry());
  }

  connect() {
    this.#handlers.onState(navigator.onLine ? "connecting" : "offline");
    this.#socket.open();
  }

  /**
   * Sends a chat request. `onStarted(event)` is called before any other event of the run. Rejects with ApiError; with
   * code "unknown_outcome" when the connection broke before the server said whether it took the message.
   */
  async start(request, onStarted) {
    await this.#settled;
    const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    if (this.#socket.isOpen) {
      return new Promise((resolve, reject) => {
        this.#waiting.set(id, { onStarted, resolve, reject });
        this.#socket.send({ type: "chat", id, data: request });
      });
    }
    return this.#post(request, id, onStarted);
  }

  /** Follows a run from its cursor; one that is followed already is left alone. */
  follow(runId, after = 0) {
    if (this.#runs.has(runId)) return;
    const run = { id: runId, after, over: null, heardAt: performance.now() };
    this.#runs.set(runId, run);
    this.#resume(run);
  }

  #resume(run) {
    if (this.#socket.isOpen) {
      run.over = "socket";
      this.#socket.send({ type: "resume", id: `resume:${run.id}`, data: { run_id: run.id, after: run.after } });
    } else if (this.#blocked) {
      this.#followOverHttp(run);
    } // else the socket is on its way, and #up resumes
  }

  /** A socket that is alive may still have lost a run, where the server met an error; the cursor makes asking harmless. */
  #askAgain() {
    const now = performance.now();
    for (const run of this.#runs.values()) {
      if (run.over !== "socket" || now - run.heardAt < QUIET) continue;
      run.heardAt = now;
      this.#resume(run);
    }
  }

  #deliver(run, event) {
    if (!(event.seq > run.after)) return;
    run.after = event.seq;
    run.heardAt = performance.now();
    if (TERMINAL.has(event.event_type)) this.#runs.delete(run.id);
    this.#handlers.onEvent(run.id, event);
  }

  #lose(run, error) {
    if (this.#runs.delete(run.id)) this.#handlers.onLost(run.id, error);
  }

  // --- WebSocket ---

  #up() {
    this.#settle();
    this.#blocked = false;
    this.#handlers.onState("live");
    for (const run of this.#runs.values()) if (run.over !== "http") this.#resume(run);
  }

  async #down({ code, opened }) {
    for (const waiting of this.#waiting.values()) {
      waiting.reject(new ApiError({ code: "unknown_outcome", message: "The connection was lost." }));
    }
    this.#waiting.clear();
    if (code === 4401) {
      this.#socket.close();
      this.#settle();
      return this.#handlers.onSignedOut();
    }
    if (!this.#blocked) this.#handlers.onState(navigator.onLine ? "reconnecting" : "offline");
    if (!opened && !this.#blocked && (await this.#reachable())) this.#goOverHttp();
    this.#settle();
  }

  #reachable() {
    return api.alive().then(() => true, () => false);
  }

  #goOverHttp() {
    // The socket goes on trying in the background: a proxy that blocks it today may be gone tomorrow.
    this.#blocked = true;
    this.#handlers.onState("live");
    for (const run of this.#runs.values()) if (run.over !== "http") this.#followOverHttp(run);
  }

  #frame(frame) {
    const waiting = this.#waitingFor(frame);
    if (frame.type === "error" && !frame.run_id) return this.#refused(frame, waiting);
    if (!frame.run_id) return;
    const event = { ...frame.data, seq: frame.seq ?? frame.data.seq };
    if (event.event_type === "run_started" && waiting) this.#begin(frame.run_id, event, waiting, "socket");
    const run = this.#runs.get(frame.run_id);
    if (run) this.#deliver(run, event);
  }

  #waitingFor(frame) {
    if (frame.type !== "error" && frame.data?.event_type !== "run_started") return undefined;
    const entry = this.#waiting.get(frame.id);
    if (entry) this.#waiting.delete(frame.id);
    return entry;
  }

  #refused(frame, waiting) {
    const { error_code: code, error_message: message, details = {}, ...rest } = frame.data;
    const retryAfter = rest.retry_after ?? details.retry_after ?? null;
    const error = new ApiError({ code, message, details: { ...rest, ...details }, retryAfter });
    if (waiting) waiting.reject(error);
    else if (frame.id?.startsWith("resume:")) {
      const run = this.#runs.get(frame.id.slice("resume:".length));
      if (run) this.#lose(run, error);
    }
  }

  #begin(runId, event, waiting, over) {
    const run = { id: runId, after: 0, over, heardAt: performance.now() };
    this.#runs.set(runId, run);
    waiting.onStarted(event);
    waiting.resolve();
    return run;
  }

  // --- HTTP ---

  /** Starts a run over HTTP. The key makes it safe to send again: the server re-attaches instead of starting a second. */
  async #post(request, key, onStarted) {
    const headers = { Accept: "text/event-stream", "Idempotency-Key": key };
    for (let attempt = 1; ; attempt += 1) {
      try {
        const response = await send("POST", "/chat/stream", { body: request, headers });
        return await new Promise((resolve, reject) => this.#readStart(response, { onStarted, resolve, reject }));
      } catch (error) {
        if (error.code !== "network" || attempt === 3 || !navigator.onLine) throw error;
        await pause(400 * attempt);
      }
    }
  }

  async #readStart(response, waiting) {
    let run = null;
    try {
      for await (const event of readEvents(response)) {
        run ??= this.#begin(event.run_id, event, waiting, "http");
        this.#deliver(run, event);
      }
    } catch {
      // Cut; the cursor knows where.
    }
    if (!run) return waiting.reject(new ApiError({}));
    run.over = null;
    if (!this.#runs.has(run.id)) return undefined;
    if (this.#socket.isOpen) return this.#resume(run);
    return this.#followOverHttp(run);
  }

  async #followOverHttp(run) {
    run.over = "http";
    for (let attempt = 0; this.#runs.get(run.id) === run; attempt += 1) {
      if (attempt) {
        this.#handlers.onState(navigator.onLine ? "reconnecting" : "offline");
        await pause(Math.min(8000, 400 * 2 ** attempt));
        if (this.#socket.isOpen) return this.#resume(run);
      }
      const before = run.after;
      try {
        await this.#readRun(run);
      } catch (error) {
        if (error.status >= 400 && error.status < 500) return this.#lose(run, error);
      }
      if (run.after > before) attempt = 0;
    }
    return undefined;
  }

  async #readRun(run) {
    const control = new AbortController();
    let timer = 0;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => control.abort(), SILENCE);
    };
    alive();
    try {
      const path = `/runs/${encodeURIComponent(run.id)}/events?after=${run.after}`;
      const response = await send("GET", path, { headers: { Accept: "text/event-stream" }, signal: control.signal });
      this.#handlers.onState("live");
      for await (const event of readEvents(response, alive)) this.#deliver(run, event);
    } finally {
      clearTimeout(timer);
    }
  }

  #online() {
    this.#handlers.onState(this.#socket.isOpen || this.#blocked ? "live" : "reconnecting");
    this.#socket.hurry();
  }
}
