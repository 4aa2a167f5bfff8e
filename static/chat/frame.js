// Everything that changes between two frames is drawn once, in the next one.
const dirty = new Map();
let requested = false;

function flush() {
  requested = false;
  const work = [...dirty.values()];
  dirty.clear();
  for (const draw of work) draw();
}

/** Calls `draw` before the next frame, once for a `key`, however often it is asked for. */
export function onNextFrame(key, draw) {
  dirty.set(key, draw);
  if (requested) return;
  requested = true;
  // A hidden page gets no frames, but its text should be there when it is looked at.
  if (document.hidden) setTimeout(flush, 100);
  else requestAnimationFrame(flush);
}
