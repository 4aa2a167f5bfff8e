import { h, setText } from "./dom.js";
import { duration, inNumbers, inWords } from "./format.js";
import { icon } from "./icons.js";
import { MarkdownView } from "./markdown.js";
import { Reasoning } from "./reasoning.js";
import { isActive, markdownOf } from "./store.js";
import { ToolCard } from "./tool_card.js";

const BUSY_SHARE = 4; // after a slow drawing the next one waits this many times as long, so that typing stays smooth
const SLOW = 8; // ms
const NO_RETRY = new Set(["unauthenticated", "forbidden", "agent_not_found", "agent_disabled", "context_too_long"]);

function caption({ parts }) {
  const most = Math.max(0, ...parts.map((part) => (part.kind === "tools" ? part.calls.length : 0)));
  return most > 1 ? `${inWords(most)} tools at once` : "";
}

function facts({ model, usage, durationMs, firstTokenMs }) {
  const about = usage?.estimated ? "≈ " : "";
  return [
    model,
    firstTokenMs !== null && `first word after ${duration(firstTokenMs)}`,
    durationMs !== null && `${duration(durationMs)} in all`,
    usage && `${about}${inNumbers(usage.input_tokens)} tokens in, ${inNumbers(usage.output_tokens)} out`,
  ].filter(Boolean).join(" · ");
}

const makers = {
  text: () => new MarkdownView(),
  reasoning: () => new Reasoning(),
  tools: (onDecide) => new ToolCard(onDecide),
};

/** One answer on the page: its parts in the order in which they were told, then how it ended. */
export class AnswerView {
  #parts = []; // {kind, part, view}
  #generation = 0;
  #notBefore = 0;
  #name = h("h2.answer-name");
  #caption = h("span.answer-caption");
  #body = h("div.answer-body");
  #foot = h("div.answer-foot");
  #footOf = null;
  #onRetry;
  #onDecide;

  constructor({ onRetry, onDecide }) {
    this.#onRetry = onRetry;
    this.#onDecide = onDecide;
    this.element = h("article.answer", { "aria-label": "Answer" }, h("header.answer-head", {}, this.#name, this.#caption), this.#body, this.#foot);
  }

  /** Draws the answer; gives false where it put that off, because the last drawing took long. */
  update(answer, agentName) {
    const streaming = isActive(answer);
    const begun = performance.now();
    if (streaming && begun < this.#notBefore) return false;
    setText(this.#name, agentName);
    setText(this.#caption, caption(answer));
    this.element.dataset.status = answer.status;
    this.#drawParts(answer, streaming);
    this.#drawFoot(answer);
    const took = performance.now() - begun;
    this.#notBefore = took > SLOW ? performance.now() + took * BUSY_SHARE : 0;
    return true;
  }

  #drawParts({ parts, generation }, streaming) {
    if (generation !== this.#generation) this.#clear();
    this.#generation = generation;
    for (const [index, part] of parts.entries()) {
      const isLast = index === parts.length - 1;
      const drawn = this.#parts[index] ?? this.#add(part);
      const live = streaming && isLast;
      if (drawn.part === part && drawn.live === live) continue;
      Object.assign(drawn, { part, live });
      drawn.view.update(part.kind === "text" ? part.text : part, { streaming: live, ended: !streaming });
    }
  }

  #clear() {
    this.#parts = [];
    this.#body.replaceChildren();
  }

  #add(part) {
    const view = makers[part.kind](this.#onDecide);
    const drawn = { part: null, live: null, view };
    this.#parts.push(drawn);
    this.#body.append(view.element);
    return drawn;
  }

  #drawFoot(answer) {
    const { status, error, retrying, parts } = answer;
    const thinking = isActive(answer) && (parts.length === 0 || parts.at(-1).kind === "tools" || Boolean(retrying));
    const state = `${status}:${thinking}:${retrying?.attempt}:${error?.message}`;
    if (state === this.#footOf) return;
    this.#footOf = state;
    const children = [];
    if (thinking) children.push(this.#waiting(retrying));
    if (status === "cancelled") children.push(h("p.ending", {}, "Stopped. What was written is kept."));
    if (status === "failed") children.push(this.#failure(error));
    if (!isActive(answer)) children.push(this.#facts(answer));
    this.#foot.replaceChildren(...children);
  }

  #waiting(retrying) {
    const text = retrying ? "The model did not answer. Asking again…" : "Working";
    return h("p.waiting", {}, h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")), h(retrying ? "span" : "span.visually-hidden", {}, text));
  }

  #failure(error) {
    const { code = "internal_error", message = "The answer broke off.", retryAfter = null } = error ?? {};
    const retry = NO_RETRY.has(code) ? null : h("button.button.retry", { type: "button", onclick: () => this.#onRetry() }, icon("retry"), h("span", {}, "Retry"));
    if (retry && retryAfter) countDown(retry, retryAfter);
    const signIn = code === "unauthenticated" ? h("a.button", { href: signInPath() }, "Sign in") : null;
    return h("div.failure", { role: "alert" }, h("span.failure-sign", {}, icon("cross")), h("div.failure-text", {}, h("p", {}, message), h("code", {}, code)), retry, signIn);
  }

  #facts(answer) {
    const text = markdownOf(answer);
    const copy = text ? h("button.quiet.copy-text", { type: "button", "aria-label": "Copy answer" }, icon("copy"), "Copy") : null;
    if (copy) copy.copyText = text;
    return h("div.facts", {}, copy, h("span", {}, facts(answer)));
  }
}

export const signInPath = () => `/accounts/login/?next=${encodeURIComponent(location.pathname + location.search)}`;

/** The wait that a rate limit asks for, on the button that ends it. */
function countDown(button, seconds) {
  const label = button.querySelector("span");
  let left = Math.ceil(seconds);
  button.disabled = true;
  const show = () => {
    button.disabled = left > 0;
    setText(label, left > 0 ? `Retry in ${left} s` : "Retry");
    if (left-- <= 0) clearInterval(timer);
  };
  const timer = setInterval(show, 1000);
  show();
}
