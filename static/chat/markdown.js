import DOMPurify from "/static/vendor/dompurify.js";
import { Lexer, Marked } from "/static/vendor/marked.js";
import { CodeBlock } from "./code_block.js";
import { h } from "./dom.js";
import { drawable } from "./half_open.js";

const escape = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

// HTML is not a part of the language here: no tokenizer for it, so its text is text. Images from elsewhere would tell
// their host who reads what: they are links.
const marked = new Marked({
  gfm: true,
  breaks: false,
  tokenizer: { html: () => undefined, tag: () => undefined },
  renderer: {
    // The page's title is h1, the name of who speaks h2; what an agent writes stands below them.
    heading({ tokens, depth }) {
      return `<h${Math.min(6, depth + 2)} class="level-${depth}">${this.parser.parseInline(tokens)}</h${Math.min(6, depth + 2)}>\n`;
    },
    image: ({ href, text }) => `<a href="${escape(href)}">${escape(text || "Image")}</a>`,
    checkbox: ({ checked }) => `<span class="task">${checked ? "☑" : "☐"}</span> `,
  },
});

const ALLOWED = {
  ALLOWED_TAGS: [
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
    "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: ["align", "class", "href", "start", "title"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const NUMBER = /^[\s<>≈~±+−-]*[$€£¥]?\s?\d[\d.,\s]*(?:\s?(?:%|°[CF]?|[A-Za-zµ]{1,4}(?:\/[A-Za-z]{1,3})?))?$/;

function mendLinks(fragment) {
  for (const link of fragment.querySelectorAll("a")) {
    if (!link.hasAttribute("href")) link.replaceWith(...link.childNodes);
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
}

/** Lets a wide table scroll on its own, and sets columns of numbers to the right, where their digits line up. */
function mendTables(fragment) {
  for (const table of fragment.querySelectorAll("table")) {
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    for (const [column, head] of [...(table.tHead?.rows[0]?.cells ?? [])].entries()) {
      const cells = rows.map((row) => row.cells[column]).filter((cell) => cell?.textContent.trim());
      if (head.align || !cells.length || !cells.every((cell) => NUMBER.test(cell.textContent.trim()))) continue;
      for (const cell of [head, ...rows.map((row) => row.cells[column])]) cell?.classList.add("number");
    }
    const frame = h("div.table", { tabindex: "0", role: "group", "aria-label": "Table" });
    table.replaceWith(frame);
    frame.append(table);
  }
}

function mendCode(fragment, { streaming }) {
  for (const pre of fragment.querySelectorAll("pre")) {
    const code = pre.firstElementChild;
    const language = /language-(\S+)/.exec(code?.className ?? "")?.[1] ?? "";
    const block = new CodeBlock(language);
    block.update(pre.textContent.replace(/\n$/, ""), { streaming });
    pre.replaceWith(block.element);
  }
}

function render(tokens, options) {
  const fragment = DOMPurify.sanitize(marked.parser(tokens), ALLOWED);
  mendLinks(fragment);
  mendTables(fragment);
  mendCode(fragment, options);
  return fragment;
}

/**
 * A text in Markdown that grows. It is split into blocks; a block with another one behind it is finished, drawn once and
 * never touched again, so the cost of an answer grows with its length and not with its square.
 */
export class MarkdownView {
  element = h("div.markdown");
  #tail = h("div.tail");
  #frozen = 0; // characters of the text that are in finished blocks
  #links = {}; // the definitions of reference links in finished blocks: they hold for later ones too
  #code = null; // the view of the code block that is being written
  #drawn = null;

  constructor() {
    this.element.append(this.#tail);
  }

  update(given, { streaming }) {
    const text = given.includes("\r") ? given.replace(/\r\n?/g, "\n") : given; // the lexer does it too, and counts differently
    const state = `${text.length}:${streaming}`;
    if (state === this.#drawn) return;
    this.#drawn = state;
    let tokens = this.#lex(text.slice(this.#frozen));
    if (streaming) tokens = this.#freeze(tokens);
    else if (this.#frozen && Object.keys(tokens.links).length) {
      // A link may be defined below its use: once all is there, all is read again.
      this.#forget();
      tokens = this.#lex(text);
    }
    this.#drawTail(text.slice(this.#frozen), tokens, { streaming });
  }

  #lex(text) {
    const lexer = new Lexer(marked.defaults);
    Object.assign(lexer.tokens.links, this.#links);
    return lexer.lex(text);
  }

  #forget() {
    this.element.replaceChildren(this.#tail);
    this.#frozen = 0;
    this.#links = {};
    this.#code = null;
  }

  /** Draws the finished blocks for good; gives the tokens of the one that is still being written. */
  #freeze(tokens) {
    const open = tokens.findLastIndex((token) => token.type !== "space");
    if (open < 1) return tokens;
    const { raw } = tokens[open];
    // "2" may yet become "2. item" and belong to the list before it: a block counts once it is more than a sign.
    if (raw.length < 8 && !raw.includes("\n")) return tokens;
    const done = Object.assign(tokens.slice(0, open), { links: tokens.links });
    for (const { type, tag, href, title } of done) if (type === "def") this.#links[tag] ??= { href, title };
    this.#tail.before(render(done, { streaming: false }));
    this.#frozen += done.reduce((length, token) => length + token.raw.length, 0);
    this.#code = null;
    return Object.assign(tokens.slice(open), { links: tokens.links });
  }

  #drawTail(text, tokens, { streaming }) {
    const blocks = tokens.filter((token) => token.type !== "space");
    if (streaming && blocks.length === 1 && blocks[0].type === "code" && blocks[0].codeBlockStyle !== "indented") {
      return this.#drawCode(blocks[0]);
    }
    this.#code = null;
    const drawn = streaming ? this.#lex(drawable(text)) : tokens;
    return this.#tail.replaceChildren(render(drawn, { streaming }));
  }

  /** The open code block keeps its element: its scroll position, its selection and its Copy button stay. */
  #drawCode({ lang, text }) {
    const language = (lang ?? "").split(/\s/)[0];
    if (this.#code?.language !== language) {
      this.#code = new CodeBlock(language);
      this.#tail.replaceChildren(this.#code.element);
    }
    // One or two signs on the last line are the beginning of the closing fence.
    this.#code.update(text.replace(/\n[`~]{1,2}$/, ""), { streaming: true });
  }
}
