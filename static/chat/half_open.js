// Markdown that is still being written: what is half open is closed, or held back for the moment it takes to be told
// apart, so that nothing on the page flips from one thing into another.

const UNDECIDED_LINE = /(^|\n)[ \t]*(?:[-=*_#>+~`|]+|\d{1,9}[.)]?|[-*+] \[[ xX]?|\[[^\]\n]*\]:?)[ \t]*$/;
const TABLE_HEAD = /(^|\n)[ \t]*\|[^\n]*(?:\n[ \t|:-]*)?$/;
const ROW_AT_END = /(^|\n)[ \t]*\|[^\n]*$/;
const FENCE = /(^|\n)[ \t>*+-]*(```|~~~)/;
const OPEN_LINK = /!?\[([^\]\n]*)(?:\]\([^)\n]*)?$/;

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

function closeMarker(text, marker) {
  const spans = text.split(marker).length - 1;
  if (spans % 2 === 0) return text;
  const bare = text.trimEnd();
  // The marker came last: there is nothing in it yet to show.
  if (bare.endsWith(marker)) return bare.slice(0, -marker.length);
  return bare + marker;
}

/** Closes the emphasis, code and links that the last lines have opened. */
function closeOpenSpans(text) {
  const start = text.lastIndexOf("\n\n") + 1;
  let end = text.slice(start);
  const withoutCode = end.replace(/`[^`\n]*`/g, "");
  if ((withoutCode.match(/`/g) ?? []).length % 2) {
    return text.slice(0, start) + (end.endsWith("`") ? end.slice(0, -1) : `${end}\``);
  }
  end = end.replace(OPEN_LINK, (all, label) => (all.startsWith("!") ? "" : label));
  for (const marker of ["**", "~~"]) if (!end.includes("`")) end = closeMarker(end, marker);
  return text.slice(0, start) + end;
}
