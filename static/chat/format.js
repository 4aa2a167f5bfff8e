const WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
const RESULT_LIMIT = 20_000; // characters; more makes a page slow and nobody reads it

export const inWords = (count) => WORDS[count] ?? String(count);
export const inNumbers = (count) => count.toLocaleString("en-US");

/** Milliseconds as people say them: 412 ms, 2.1 s, 1 min 5 s. */
export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function scalar(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Arguments on one line: `city: Tokyo, days: 3`. */
export function shortArguments(args) {
  const text = Object.entries(args ?? {}).map(([name, value]) => `${name}: ${scalar(value)}`).join(", ");
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
}

/** A value as people read it; text that holds JSON is shown as JSON. */
export function pretty(value) {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  if (!/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

export function capped(text) {
  if (text.length <= RESULT_LIMIT) return text;
  return `${text.slice(0, RESULT_LIMIT)}\n… ${inNumbers(text.length - RESULT_LIMIT)} more characters. Copy gives all of it.`;
}

const startOfDay = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());

/** The heading that a conversation of this day stands under. */
export function dayGroup(iso, now = new Date()) {
  const date = new Date(iso);
  const days = Math.round((startOfDay(now) - startOfDay(date)) / 86_400_000);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days <= 7) return "Last week";
  if (days <= 30) return "Last month";
  return date.toLocaleDateString("en-US", { month: "long", year: "numeric" });
}

export function clockTime(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.valueOf()) ? "" : date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
