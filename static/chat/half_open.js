// Markdown that is still being written: what is half open is closed, or held back for the moment it takes to be told
// apart, so that nothing on the page flips from one thing into another.

const UNDECIDED_LINE = /(^|\n)[ \t]*(?:[-=*_#>+~`|]+|\d{1,9}[.)]?|[-*+] \[[ xX]?\]?|\[[^\]\n]*\]:?)[ \t]*$/;
const TABLE_HEAD = /(^|\n)[ \t]*\|[^\n]*(?:\n[ \t|:-]*)?$/;
const ROW_AT_END = /(^|\n)[ \t]*\|[^\n]*$/;
const FENCE = /(^|\n)[ \t>*+-]*(```|~~~)/;
const OPEN_ITALIC = /(^|[\s([{"'])\*(?![\s*])[^*]*$/;
const OPEN_LINK = /!?\[([^\]\n]*)(?:\](?:\([^)\n]*)?)?$/;

/** What can be drawn of a block that is still being written. Code is taken as it is. */
export function drawable(text) {
  return FENCE.test(text) ? text : closeOpenSpans(withoutUndecidedEnd(text));
}

/** The text without an end that could become anything: a lone dash, the head of a table whose ruler is not there yet. */
function withoutUndecidedEnd(text) {
  const decided = text.replace(UNDECIDED_LINE, "$1");
  const table = TABLE_HEAD.exec(decided);
  if (!table) return decided;
  // A row below other rows is no head: its table is on the page already.
  const before = decided.slice(0, table.index);
  return ROW_AT_END.test(before) ? decided : before;
}

const isOpen = (text, marker) => (text.split(marker).length - 1) % 2 === 1;

/** Closes the emphasis, code and links that the last lines have opened. */
function closeOpenSpans(text) {
  const start = text.lastIndexOf("\n\n") + 1;
  // A marker at the very end has nothing in it yet, and may be the first half of another one.
  const end = text.slice(start).replace(/[*~`_]+$/, "");
  const plain = end.replace(/`[^`\n]*`/g, "");
  const code = isOpen(plain, "`") ? "`" : "";
  const said = code ? plain.slice(0, plain.lastIndexOf("`")) : plain;
  const bare = code ? end + code : end.replace(OPEN_LINK, (all, label) => (all.startsWith("!") ? "" : label)).trimEnd();
  const closers = ["**", "~~"].filter((marker) => isOpen(said, marker));
  const italic = OPEN_ITALIC.test(said.replaceAll("**", "")) ? "*" : "";
  // "**" with nothing behind it closes to "****", which is no emphasis but four asterisks.
  const closed = closers.reduce((so, marker) => (so.endsWith(marker) ? so.slice(0, -2) : so + marker), bare);
  return text.slice(0, start) + closed + italic;
}
