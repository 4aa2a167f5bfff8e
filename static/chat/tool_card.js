import { serverNow } from "./api.js";
import { h, setText, uniqueId } from "./dom.js";
import { capped, duration, pretty, shortArguments } from "./format.js";
import { icon } from "./icons.js";

const STATES = {
  pending: { kind: "run", label: "waiting" },
  executing: { kind: "run", label: "running" },
  awaiting_approval: { kind: "run", label: "waiting for approval" },
  completed: { kind: "ok", label: "done", sign: "check" },
  failed: { kind: "bad", label: "failed", sign: "cross" },
  cancelled: { kind: "off", label: "cancelled", sign: "bar" },
  outcome_unknown: { kind: "off", label: "outcome unknown", sign: "question" },
};

const running = new Set();
let ticking = 0;

/** One timer for all running rows; none while nothing runs. */
function tick() {
  for (const row of running) {
    if (row.element.isConnected) row.drawTime();
    else running.delete(row);
  }
  if (!running.size) {
    clearInterval(ticking);
    ticking = 0;
  }
}

function detail(title, value, kind = "") {
  const text = pretty(value);
  const copy = h("button.copy-text", { type: "button", "aria-label": `Copy ${title.toLowerCase()}` }, icon("copy"));
  copy.copyText = text;
  const name = `${title} of the tool`;
  return h(
    "div.tool-part",
    { "data-kind": kind },
    h("div.tool-part-head", {}, h("span.tool-part-title", {}, title), copy),
    h("pre", { tabindex: "0", role: "group", "aria-label": name }, capped(text)),
  );
}

/** One call: its state, name, arguments and time on a line that opens to all of it. */
class ToolRow {
  #call = null;
  #sign = h("span.tool-sign");
  #stateName = h("span.visually-hidden");
  #name = h("span.tool-name");
  #arguments = h("span.tool-arguments");
  #time = h("span.tool-time");
  #detail;
  #head;

  constructor() {
    const id = uniqueId("tool");
    this.#detail = h("div.tool-detail", { id, hidden: true });
    this.#head = h(
      "button.tool-head",
      { type: "button", "aria-expanded": "false", "aria-controls": id, onclick: () => this.#toggle() },
      this.#sign, this.#name, this.#arguments, this.#stateName, this.#time, icon("chevron"),
    );
    this.element = h("li.tool", {}, this.#head, this.#detail);
  }

  update(call) {
    if (call === this.#call) return;
    this.#call = call;
    const { kind, label, sign } = STATES[call.status] ?? STATES.pending;
    this.element.dataset.state = kind;
    this.#sign.replaceChildren(...(sign ? [icon(sign)] : []));
    setText(this.#stateName, `, ${label}, `);
    setText(this.#name, call.name);
    setText(this.#arguments, shortArguments(call.arguments));
    this.#time.classList.toggle("live", kind === "run");
    this.drawTime();
    if (kind === "run") this.#run();
    else running.delete(this);
    if (!this.#detail.hidden) this.#drawDetail();
  }

  #run() {
    running.add(this);
    ticking ||= setInterval(tick, 100);
  }

  drawTime() {
    const { execution_time_ms: took, startedAt, status } = this.#call;
    const elapsed = took ?? (status === "executing" && startedAt ? serverNow() - startedAt : null);
    setText(this.#time, elapsed === null ? "" : duration(elapsed));
  }

  #toggle() {
    this.#detail.hidden = !this.#detail.hidden;
    this.#head.setAttribute("aria-expanded", String(!this.#detail.hidden));
    if (!this.#detail.hidden) this.#drawDetail();
  }

  #drawDetail() {
    const { arguments: given, result, error } = this.#call;
    const parts = [];
    if (Object.keys(given ?? {}).length) parts.push(detail("Arguments", given));
    if (error) parts.push(detail("Error", error, "bad"));
    if (result !== null && result !== undefined) parts.push(detail("Result", result));
    if (!parts.length) parts.push(h("p.tool-empty", {}, "No arguments, and no result yet."));
    this.#detail.replaceChildren(...parts);
  }
}

/** The calls of one round: a card with a row for each. */
export class ToolCard {
  #rows = new Map();
  element = h("ul.tools", { "aria-label": "Tools" });

  update({ calls }) {
    for (const call of calls) {
      if (!this.#rows.has(call.id)) {
        const row = new ToolRow();
        this.#rows.set(call.id, row);
        this.element.append(row.element);
      }
      this.#rows.get(call.id).update(call);
    }
  }
}
