/** A request that failed, with the server's code and words where it gave any. `retryAfter` is in seconds. */
export class ApiError extends Error {
  constructor({ status = 0, code = "network", message, details = {}, retryAfter = null }) {
    super(message ?? "The server cannot be reached.");
    Object.assign(this, { status, code, details, retryAfter });
  }
}

// How far this computer's clock is ahead of the server's, in ms: elapsed times are counted from the server's timestamps.
let clockOffset = 0;
export const serverNow = () => Date.now() - clockOffset;

function learnClock(response) {
  const date = Date.parse(response.headers.get("date") ?? "");
  const offset = Date.now() - date;
  // The header counts whole seconds: a smaller difference is rounding.
  if (!Number.isNaN(offset)) clockOffset = Math.abs(offset) > 2500 ? offset : 0;
}

const cookie = (name) =>
  document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";

/** Reads the error body of a response; anything that is not ours (a proxy's page) becomes a plain sentence. */
export async function errorFrom(response) {
  const body = await response.json().catch(() => null);
  const retryAfter = Number(response.headers.get("retry-after")) || null;
  return new ApiError({
    status: response.status,
    code: body?.error?.code ?? "unavailable",
    message: body?.error?.message ?? `The server answered with status ${response.status}.`,
    details: body?.error?.details ?? {},
    retryAfter,
  });
}

/** `fetch` with the CSRF token, failures as ApiError; gives the response, so that a stream can be read from it. */
export async function send(method, path, { body, headers = {}, ...options } = {}) {
  const given = { Accept: "application/json", ...headers };
  if (body !== undefined) given["Content-Type"] = "application/json";
  if (method !== "GET") given["X-CSRFToken"] = cookie("csrftoken");
  let response;
  try {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(path, { method, headers: given, body: payload, credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({});
  }
  learnClock(response);
  if (!response.ok) throw await errorFrom(response);
  return response;
}

async function json(method, path, options) {
  const response = await send(method, path, options);
  return response.status === 204 ? null : response.json();
}

function query(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

const conversation = (id) => `/conversations/${encodeURIComponent(id)}`;

/** All messages of a conversation: pages come oldest first, so the newest is behind the last cursor. */
async function messages(id) {
  const all = [];
  let cursor = null;
  do {
    const page = await json("GET", query(`${conversation(id)}/messages`, { cursor, limit: 100 }));
    all.push(...page.results);
    cursor = page.next;
  } while (cursor);
  return all;
}

export const api = {
  agents: () => json("GET", "/agents"),
  conversations: (parameters, options) => json("GET", query("/conversations", parameters), options),
  conversation: (id) => json("GET", conversation(id)),
  rename: (id, title) => json("PATCH", conversation(id), { body: { title } }),
  remove: (id) => json("DELETE", conversation(id), { keepalive: true }),
  messages,
  cancel: (runId) => json("POST", `/runs/${encodeURIComponent(runId)}/cancel`),
  run: (runId) => json("GET", `/runs/${encodeURIComponent(runId)}`),
  decide: (runId, callId, decision) =>
    json("POST", `/runs/${encodeURIComponent(runId)}/tool_calls/${encodeURIComponent(callId)}/decision`, { body: { decision } }),
  alive: () => send("GET", "/health/live"),
};
