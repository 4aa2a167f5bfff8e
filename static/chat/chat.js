import { api, serverNow } from "./api.js";
import { drafts } from "./storage.js";
import { answerFromMessage, apply, isActive, newAnswer, runsAgain, withCalls } from "./store.js";

const LOOK_AGAIN = 1000; // ms between two looks at a call that runs again
const QUESTION_LOST = "The connection broke before the server had the message.";
const userEntry = (text, createdAt = new Date(serverNow()).toISOString()) => ({ kind: "user", text, createdAt });
const answerEntry = (answer) => ({ kind: "answer", answer });

/** The messages along the newest branch, each after the one it answers. */
function branchOf(messages) {
  const newestAnswer = new Map(messages.map((message) => [message.parent_id, message]));
  const branch = [];
  for (let at = newestAnswer.get(null); at; at = newestAnswer.get(at.id)) branch.push(at);
  return branch;
}

/**
 * The conversation that is open, and the runs that this page follows: those of other conversations go on in the
 * background. `on` is told what changed: opened(), appended(entries), changed(entry), removed(entries), started({isOpen}),
 * ended(entry, conversationId), returned(text), failed(error), signedOut().
 */
export class Chat {
  conversation = null; // {id, title, agent_name}; null is a chat that has not begun
  entries = [];
  #runs = new Map(); // runId -> {entry, conversationId}
  #stream = null;
  #on;
  #opening = 0;

  constructor(on) {
    this.#on = on;
  }

  /** The stream client needs this object's handlers, and this object the client. */
  use(stream) {
    this.#stream = stream;
  }

  get id() {
    return this.conversation?.id ?? null;
  }

  get active() {
    return this.entries.findLast((entry) => entry.kind === "answer" && isActive(entry.answer)) ?? null;
  }

  begin() {
    this.#opening += 1;
    this.conversation = null;
    this.entries = [];
    this.#on.opened();
  }

  /** Opens a stored conversation; an answer that is still being written is taken up from its first event. */
  async open(id) {
    const opening = (this.#opening += 1);
    let conversation, messages;
    try {
      [conversation, messages] = await Promise.all([api.conversation(id), api.messages(id)]);
    } catch (error) {
      if (opening === this.#opening) throw error;
    }
    if (opening !== this.#opening) return; // another one was asked for meanwhile
    this.conversation = conversation;
    this.entries = this.#entriesOf(messages, conversation);
    this.#on.opened();
    for (const entry of this.entries) if (entry.kind === "answer") this.#watch(entry);
  }

  /**
   * Reads a conversation again that is open, or is about to be: something may have happened that this page was not told,
   * or that came too late for what is on its way.
   */
  async refresh(id) {
    if (id && !this.active) await this.open(id);
  }

  #entriesOf(messages, conversation) {
    const entries = branchOf(messages).map((message) =>
      message.role === "user" ? userEntry(message.content, message.created_at) : this.#stored(message, conversation.id),
    );
    const running = conversation.active_run_id;
    const shown = entries.some((entry) => entry.answer?.runId === running);
    if (running && !shown) entries.push(this.#take(running, conversation.id, newAnswer({ runId: running, status: "running" })));
    return entries;
  }

  #stored(message, conversationId) {
    const answer = answerFromMessage(message);
    return isActive(answer) ? this.#take(answer.runId, conversationId, answer) : answerEntry(answer);
  }

  #take(runId, conversationId, answer) {
    const known = this.#runs.get(runId);
    if (known) return known.entry;
    const entry = answerEntry(answer);
    this.#runs.set(runId, { entry, conversationId });
    this.#stream.follow(runId, 0);
    return entry;
  }

  /** Sends a message: it and its answer are on the page before anything goes over the network. */
  send(text, { agentName, parallelTools, resetHistory }) {
    if (resetHistory && this.conversation) this.begin();
    const question = userEntry(text);
    const reply = answerEntry(newAnswer({ agentName }));
    Object.assign(reply, { question, options: { agentName, parallelTools } });
    this.entries.push(question, reply);
    this.#on.appended([question, reply]);
    return this.#ask(reply);
  }

  async #ask(reply) {
    const { question, options } = reply;
    const request = { message: question.text, agent_name: options.agentName, parallel_tools: options.parallelTools };
    // Without an id the server would go on with this person's current conversation; here a new chat is a new one.
    if (this.conversation) request.conversation_id = this.id;
    else request.reset_history = true;
    const opening = this.#opening;
    reply.draftOf = this.id;
    drafts.write(reply.draftOf, question.text); // until the server has it
    try {
      await this.#stream.start(request, (event) => this.#started(reply, event, opening));
    } catch (error) {
      await this.#notStarted(reply, error, opening);
    }
  }

  #started(reply, event, opening) {
    this.#runs.set(event.run_id, { entry: reply, conversationId: event.conversation_id });
    drafts.write(reply.draftOf, "");
    // Another conversation may have been opened before the server answered; this one goes on in the background.
    const isOpen = opening === this.#opening;
    if (isOpen) this.conversation ??= { id: event.conversation_id, title: "", agent_name: event.agent_name };
    this.#on.started({ isOpen });
    if (reply.stopWanted) this.#cancel(event.run_id);
  }

  async #notStarted(reply, error, opening) {
    if (error.code === "conversation_busy") return this.#giveBack(reply, error);
    if (error.code === "unknown_outcome" && (await this.#findRun(reply, opening))) return;
    if (error.code === "unauthenticated") this.#on.signedOut();
    const message = error.code === "unknown_outcome" ? QUESTION_LOST : error.message;
    reply.answer = newAnswer({ status: "failed", agentName: reply.options.agentName, error: { ...error, message } });
    reply.unsent = true;
    this.#on.changed(reply);
    this.#on.ended(reply);
  }

  /** The conversation is answering already, perhaps to another tab: the text goes back, that answer is shown. */
  async #giveBack(reply, error) {
    const pair = [reply.question, reply];
    this.entries = this.entries.filter((entry) => !pair.includes(entry));
    this.#on.removed(pair);
    this.#on.returned(reply.question.text, reply.draftOf); // elsewhere it is still the draft
    this.#on.failed(error);
    if (this.id) await this.open(this.id);
  }

  /**
   * The connection broke while the message was on its way. Whether the server took it stands in the conversation: asking
   * there first is what keeps a message from being sent twice.
   */
  async #findRun(reply, opening) {
    try {
      const id = this.id ?? (await api.conversations({ limit: 1 })).results[0]?.id;
      if (!id || opening !== this.#opening) return false;
      const [conversation, messages] = await Promise.all([api.conversation(id), api.messages(id)]);
      const asked = messages.findLast((message) => message.role === "user");
      const isOurs = asked?.content === reply.question.text && Date.parse(asked.created_at) > Date.parse(reply.question.createdAt) - 5000;
      if (!isOurs || opening !== this.#opening) return false;
      drafts.write(reply.draftOf, "");
      this.conversation = conversation;
      this.entries = this.#entriesOf(messages, conversation);
      this.#on.opened();
      this.#on.started({ isOpen: true });
      return true;
    } catch {
      return false; // still no connection: Retry is offered, and asks again
    }
  }

  /** Asks again: a message that never arrived is sent as it was, a failed answer's question is asked anew. */
  async retry(entry) {
    if (this.active) return;
    if (!entry.unsent) {
      const question = this.entries[this.entries.indexOf(entry) - 1];
      const agentName = entry.answer.agentName ?? this.conversation?.agent_name;
      await this.send(question.text, { agentName, parallelTools: entry.options?.parallelTools ?? true });
      return;
    }
    entry.unsent = false;
    entry.answer = newAnswer({ agentName: entry.options.agentName });
    this.#on.changed(entry);
    await this.#ask(entry);
  }

  stop() {
    const entry = this.active;
    if (!entry) return;
    if (entry.answer.runId) this.#cancel(entry.answer.runId);
    else entry.stopWanted = true;
  }

  #cancel(runId) {
    api.cancel(runId).catch((error) => this.#on.failed(error));
  }

  /** Says what became of a call that a crash has cut. Where somebody was faster, shows what they have said. */
  async decide(entry, callId, decision) {
    const { runId } = entry.answer;
    try {
      this.#redraw(entry, [await api.decide(runId, callId, decision)]);
    } catch (error) {
      if (error.status === 409) this.#redraw(entry, (await api.run(runId)).tool_calls);
      throw error;
    } finally {
      this.#watch(entry);
    }
  }

  #redraw(entry, calls) {
    entry.answer = withCalls(entry.answer, calls);
    this.#on.changed(entry);
  }

  /** No event tells of a call that runs again after its run has ended: this looks until it is done, or out of sight. */
  async #watch(entry) {
    if (entry.watched || !runsAgain(entry.answer)) return;
    entry.watched = true;
    while (runsAgain(entry.answer) && this.entries.includes(entry)) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
      await api.run(entry.answer.runId).then(({ tool_calls: calls }) => this.#redraw(entry, calls), () => null);
    }
    entry.watched = false;
  }

  // --- What the stream client tells ---

  event(runId, event) {
    const run = this.#runs.get(runId);
    if (!run) return;
    run.entry.answer = apply(run.entry.answer, event);
    this.#on.changed(run.entry);
    if (isActive(run.entry.answer)) return;
    this.#runs.delete(runId);
    this.#on.ended(run.entry, run.conversationId);
  }

  /** A run that cannot be followed any more has its messages still. */
  async lost(runId) {
    const run = this.#runs.get(runId);
    this.#runs.delete(runId);
    if (run && run.conversationId === this.id) await this.open(this.id).catch((error) => this.#on.failed(error));
  }
}
