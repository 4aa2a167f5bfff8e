import { h } from "./dom.js";

// One for each thing that the built-in tools are good at; the first shows two of them at work at once.
const SUGGESTIONS = [
  { title: "Weather and a sum", text: "What's the weather in Tokyo and what's 15 + 27?" },
  { title: "Time around the world", text: "What time is it in New York, London and Tokyo?" },
  { title: "Look something up", text: "Search the web for Server-Sent Events and sum it up in three points." },
  { title: "A stock price", text: "How is the AAPL stock doing?" },
];

function greeting(hour) {
  if (hour < 5) return "Good night";
  if (hour < 12) return "Good morning";
  return hour < 18 ? "Good afternoon" : "Good evening";
}

/** What a chat that has not begun shows: a greeting, and questions that a click sends. */
export function welcome(element, { userName, onPick }) {
  const name = userName && userName !== "local" ? `, ${userName}` : "";
  element.replaceChildren(
    h("h2", {}, `${greeting(new Date().getHours())}${name}.`),
    h("p", {}, "Ask anything. Answers stream as they are written, and tools run side by side."),
    h(
      "div.suggestions",
      {},
      SUGGESTIONS.map(({ title, text }) =>
        h("button.suggestion", { type: "button", onclick: () => onPick(text) }, h("span.suggestion-title", {}, title), h("span.suggestion-text", {}, text)),
      ),
    ),
  );
}
