import { h, setText } from "./dom.js";
import { duration } from "./format.js";
import { icon } from "./icons.js";

function title({ startedAt, endedAt }, streaming) {
  if (streaming && !endedAt) return "Thinking…";
  if (!startedAt || !endedAt) return "Thoughts";
  return `Thought for ${duration(Math.max(1000, Math.round((endedAt - startedAt) / 1000) * 1000)).replace(".0", "")}`;
}

/** What the model thought before it answered, folded away. */
export class Reasoning {
  #title = h("span");
  #text = h("div.reasoning-text");
  element = h("details.reasoning", {}, h("summary", {}, icon("chevron"), this.#title), this.#text);

  update(part, { streaming }) {
    setText(this.#title, title(part, streaming));
    setText(this.#text, part.text);
  }
}
