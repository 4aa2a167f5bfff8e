// Drawn on a grid of 16; `currentColor` follows the text. One stroke width, so they look like one hand.
const PATHS = {
  chevron: "M4.5 6.5 8 10l3.5-3.5",
  copy: "M5.5 5.5v-2a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-2M3.5 5.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1Z",
  check: "m3.5 8.5 3 3 6-7",
  cross: "m4.8 4.8 6.4 6.4m0-6.4-6.4 6.4",
  bar: "M4.5 8h7",
  question: "M6 6.2c0-1.2.9-2 2-2s2 .8 2 1.9c0 1.4-2 1.5-2 3M8 11.7v.1",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  down: "M8 3v10m-4-4 4 4 4-4",
  retry: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
