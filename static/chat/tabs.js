/** Tells the other tabs of this browser what has changed here, and `onNews({kind, conversationId})` what changed there. */
export class Tabs {
  #channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("chat") : null;

  constructor(onNews) {
    if (this.#channel) this.#channel.onmessage = ({ data }) => onNews(data);
  }

  tell(kind, conversationId = null) {
    this.#channel?.postMessage({ kind, conversationId });
  }
}
