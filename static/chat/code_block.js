import highlight from "/static/vendor/highlight/highlight.js";
import { h, setText } from "./dom.js";
import { icon } from "./icons.js";

const LIVE_LIMIT = 8_000; // characters; colouring is done anew for the whole block, so a long one waits until it is finished
const FINAL_LIMIT = 100_000;
const NAMES = {
  cpp: "C++", csharp: "C#", css: "CSS", html: "HTML", javascript: "JavaScript", js: "JavaScript", json: "JSON", php: "PHP",
  py: "Python", sh: "Shell", sql: "SQL", ts: "TypeScript", typescript: "TypeScript", xml: "XML", yaml: "YAML", yml: "YAML",
};

function nameOf(language) {
  if (!language) return "Text";
  return NAMES[language.toLowerCase()] ?? language[0].toUpperCase() + language.slice(1);
}

/** A code block: a thin head with the language and Copy, the code below it, coloured where the language is known. */
export class CodeBlock {
  constructor(language) {
    this.language = language;
    this.text = "";
    this.code = h("code");
    const name = nameOf(language);
    this.element = h(
      "figure.code",
      {},
      h("figcaption", {}, h("span.language", {}, name), h("button.copy-code", { type: "button", "aria-label": `Copy ${name} code` }, icon("copy"), "Copy")),
      // Wide code scrolls, and what scrolls has to be reachable by keyboard.
      h("pre", { tabindex: "0", role: "group", "aria-label": `${name} code` }, this.code),
    );
  }

  update(text, { streaming }) {
    this.text = text;
    const limit = streaming ? LIVE_LIMIT : FINAL_LIMIT;
    if (text.length > limit || !highlight.getLanguage(this.language)) return setText(this.code, text);
    // highlight.js escapes the code and adds spans with classes, nothing else.
    this.code.innerHTML = highlight.highlight(text, { language: this.language, ignoreIllegals: true }).value;
    return undefined;
  }
}
