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

const DECISIONS = [
  ["happened", "It happened"],
  ["not_happened", "It did not"],
  ["run_again", "Run again"],
];

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

/** What a person is asked about a call that a crash has cut. `decide(decision)` gives a promise. */
function question(decide) {
  const text = h("p", { id: uniqueId("question") }, "It is not known whether this call had its effect.");
  const choices = h("div.tool-choices", {}, DECISIONS.map(([decision, label]) => {
    const onclick = async () => {
      if (choices.ariaBusy === "true") return; // the buttons stay enabled: a disabled one would lose the focus
      choices.ariaBusy = "true";
      await decide(decision);
      choices.ariaBusy = "false"; // where it failed, it can be tried again
    };
    return h("button.button", { type: "button", onclick }, label);
  }));
  return h("div.tool-question", { role: "group", "aria-labelledby": text.id }, text, choices);
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
  #question = null;
  #onDecide;

  constructor(onDecide) {
    this.#onDecide = onDecide;
    const id = uniqueId("tool");
    this.#detail = h("div.tool-detail", { id, hidden: true });
    this.#head = h(
      "button.tool-head",
      { type: "button", "aria-expanded": "false", "aria-controls": id, onclick: () => this.#toggle() },
      this.#sign, this.#name, this.#arguments, this.#stateName, this.#time, icon("chevron"),
    );
    this.element = h("li.tool", {}, this.#head, this.#detail);
  }

  /** `decidable` says whether the answer has ended, so that a person may say what became of the call. */
  update(call, decidable) {
    this.#ask(decidable && call.status === "outcome_unknown");
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

  #ask(wanted) {
    if (wanted === Boolean(this.#question)) return;
    const hadFocus = this.#question?.contains(document.activeElement);
    this.#question?.remove();
    this.#question = wanted ? question((decision) => this.#onDecide(this.#call.id, decision)) : null;
    if (wanted) this.#head.after(this.#question);
    else if (hadFocus) this.#head.focus();
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
  #onDecide;
  element = h("ul.tools", { "aria-label": "Tools" });

  constructor(onDecide) {
    this.#onDecide = onDecide;
  }

  update({ calls }, { ended }) {
    for (const call of calls) {
      if (!this.#rows.has(call.id)) {
        const row = new ToolRow(this.#onDecide);
        this.#rows.set(call.id, row);
        this.element.append(row.element);
      }
      this.#rows.get(call.id).update(call, ended);
    }
  }
}
