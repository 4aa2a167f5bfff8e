// What an answer is, as a value, and how an event changes it. No DOM and no network: the page draws what stands here.

const FINISHED_CALL = new Set(["completed", "failed", "cancelled", "outcome_unknown"]);
const ACTIVE_RUN = new Set(["queued", "running", "waiting_approval"]);
const TELLS = new Set(["chat_chunk", "reasoning_chunk", "tool_call_start", "tool_call_complete", "tool_call_error"]);

export const isActive = (answer) => answer.status === "waiting" || answer.status === "running";
export const isFinishedCall = (call) => FINISHED_CALL.has(call.status);

/**
 * `status` is waiting | running | completed | failed | cancelled. `parts` keep the order in which things were said:
 * {kind: "text"|"reasoning", text} and {kind: "tools", calls}. `generation` counts how often told text became void, so
 * that whoever has drawn it knows to draw it anew. `journal` links the events back to the first.
 */
export function newAnswer(given = {}) {
  return {
    runId: null, agentName: null, model: null, status: "waiting", parts: [], seq: 0, generation: 0, journal: null,
    usage: null, durationMs: null, firstTokenMs: null, error: null, retrying: null, ...given,
  };
}

/** The answer that a stored message is; one of a run that still goes on starts empty and is told by its events. */
export function answerFromMessage(message) {
  const { run } = message;
  const known = { runId: run?.id ?? null, agentName: run?.agent_name ?? null, model: run?.model ?? null };
  if (run && ACTIVE_RUN.has(run.status)) return newAnswer({ ...known, status: "running" });
  const parts = message.parts?.length ? message.parts.map(partFromMessage) : [{ kind: "text", text: message.content }];
  return newAnswer({
    ...known,
    status: run?.status ?? "completed",
    parts: parts.filter((part) => part.kind === "tools" || part.text),
    usage: run?.usage ?? null,
    durationMs: run?.duration_ms ?? null,
    firstTokenMs: run?.first_token_ms ?? null,
    error: run?.error ?? null,
  });
}

function partFromMessage(part) {
  if (part.type === "tool_calls") return { kind: "tools", calls: part.tool_calls };
  return { kind: part.type, text: part.text, startedAt: null, endedAt: null };
}

/** The text of an answer as the model wrote it. */
export const markdownOf = (answer) =>
  answer.parts.filter((part) => part.kind === "text").map((part) => part.text).join("\n\n").trim();

/** The answer after an event. An event that was seen already, or of a kind that is not known, changes nothing. */
export function apply(answer, event) {
  if (event.seq <= answer.seq) return answer;
  const next = { ...answer, seq: event.seq, journal: { event, before: answer.journal } };
  if (!TELLS.has(event.event_type)) return react(next, event);
  return tell({ ...next, retrying: null, status: "running" }, event);
}

/** The answer after its calls have been read again: a person may have decided about one when the answer had ended. */
export const withCalls = (answer, calls) => ({ ...answer, parts: calls.reduce(withResult, answer.parts) });

/** Whether a call of an ended answer runs again, because a person wants it to. */
export const runsAgain = (answer) =>
  !isActive(answer) && answer.parts.some((part) => part.kind === "tools" && !part.calls.every(isFinishedCall));

function react(answer, event) {
  switch (event.event_type) {
    case "run_started":
      return { ...answer, status: "running", runId: event.run_id, agentName: event.agent_name, model: event.model };
    case "run_resumed":
      return { ...retold(answer, event.discard_after_seq), generation: answer.generation + 1 };
    case "model_retry":
      return { ...answer, retrying: { attempt: event.attempt, delayMs: event.delay_ms } };
    case "chat_complete":
      return ended(answer, event, "completed");
    case "chat_cancelled":
      return ended(answer, event, "cancelled");
    case "error":
      return { ...ended(answer, event, "failed"), error: { code: event.error_code, message: event.error_message } };
    default:
      return answer;
  }
}

function ended(answer, event, status) {
  const parts = closed(answer.parts, event.timestamp).map((part) =>
    part.kind === "tools"
      ? { ...part, calls: part.calls.map((call) => (isFinishedCall(call) ? call : { ...call, status: "cancelled" })) }
      : part,
  );
  return {
    ...answer, status, parts, retrying: null, journal: null,
    usage: event.usage ?? null,
    durationMs: event.duration_ms ?? null,
    firstTokenMs: event.first_token_ms ?? null,
  };
}

/** The answer as it was after event `seq`; what was told later is void, and forgotten. */
function retold(answer, seq) {
  const kept = [];
  for (let link = answer.journal; link; link = link.before) if (link.event.seq <= seq) kept.push(link.event);
  kept.reverse();
  const journal = kept.reduce((before, event) => ({ event, before }), null);
  return kept.filter((event) => TELLS.has(event.event_type)).reduce(tell, { ...answer, journal, parts: [] });
}

function tell(answer, event) {
  const { parts } = answer;
  switch (event.event_type) {
    case "chat_chunk":
      return { ...answer, parts: withText(parts, "text", event) };
    case "reasoning_chunk":
      return { ...answer, parts: withText(parts, "reasoning", event) };
    case "tool_call_start":
      return { ...answer, parts: withCall(parts, event) };
    default:
      return { ...answer, parts: withResult(parts, event.tool_call) };
  }
}

const last = (parts) => parts[parts.length - 1];

/** Reasoning ends when something else is said: that is how long the agent has thought. */
function closed(parts, timestamp) {
  const part = last(parts);
  if (part?.kind !== "reasoning" || part.endedAt) return parts;
  return [...parts.slice(0, -1), { ...part, endedAt: Date.parse(timestamp) }];
}

function withText(parts, kind, { content, timestamp }) {
  const part = last(parts);
  if (part?.kind === kind) return [...parts.slice(0, -1), { ...part, text: part.text + content }];
  return [...closed(parts, timestamp), { kind, text: content, startedAt: Date.parse(timestamp), endedAt: null }];
}

/** All starts of a round come before its first result, so a start after all results begins the next round. */
function withCall(parts, { tool_call: call, timestamp }) {
  const started = { ...call, startedAt: Date.parse(timestamp) };
  const part = last(parts);
  if (part?.kind !== "tools" || part.calls.every(isFinishedCall)) {
    return [...closed(parts, timestamp), { kind: "tools", calls: [started] }];
  }
  return [...parts.slice(0, -1), { ...part, calls: [...part.calls, started] }];
}

function withResult(parts, call) {
  return parts.map((part) => {
    if (part.kind !== "tools" || !part.calls.some(({ id }) => id === call.id)) return part;
    return { ...part, calls: part.calls.map((known) => (known.id === call.id ? { ...known, ...call } : known)) };
  });
}
