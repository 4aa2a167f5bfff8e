// What this browser remembers. Storage can be full or forbidden; the page works without it.
const PREFIX = "chat.";

export function recall(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    if (value === null || value === "") localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // Nothing depends on it.
  }
}

/** Drafts, one per conversation; "new" is the one of a chat that has not begun. */
export const drafts = {
  read: (conversationId) => recall(`draft.${conversationId ?? "new"}`) ?? "",
  write: (conversationId, text) => remember(`draft.${conversationId ?? "new"}`, text),
};
