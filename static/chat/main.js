import { AgentPicker } from "./agent_picker.js";
import { signInPath } from "./answer.js";
import { Chat } from "./chat.js";
import { listenForCopies } from "./clipboard.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Drawer } from "./drawer.js";
import { listenForKeys, nameKeys } from "./keyboard.js";
import { closeMenu } from "./menu.js";
import { Sidebar } from "./sidebar.js";
import { remember } from "./storage.js";
import { StreamClient } from "./stream.js";
import { welcome } from "./suggestions.js";
import { Tabs } from "./tabs.js";
import { themeChoice } from "./theme.js";
import { toast } from "./toast.js";
import { Transcript } from "./transcript.js";

const $ = (id) => document.getElementById(id);
const NAME = "Streaming Chat";
const parameters = new URLSearchParams(location.search);

const failed = (error) => (error.code === "unauthenticated" ? signedOut() : toast(error.message, { ms: 4000 }));

const drawer = new Drawer({ sidebar: $("sidebar"), main: $("main"), opener: $("open-sidebar"), closer: $("close-sidebar"), scrim: $("scrim") });
const connection = new Connection({ pill: $("connection"), banner: $("banner") });

const chat = new Chat({
  opened: showConversation,
  appended: (entries) => {
    transcript.append(...entries);
    showState();
  },
  changed: (entry) => transcript.changed(entry),
  removed: (entries) => {
    transcript.remove(...entries);
    showState();
  },
  started: ({ isOpen }) => {
    if (isOpen) nameConversation();
    reloadList();
    tabs.tell("started", chat.id);
  },
  ended: (entry, conversationId) => {
    transcript.changed(entry);
    if (chat.entries.includes(entry)) transcript.announce(ENDINGS[entry.answer.status]);
    showState();
    if (conversationId) reloadList();
  },
  returned: (text, conversationId) => conversationId === composer.conversationId && composer.giveBack(text),
  failed,
  signedOut,
});
const ENDINGS = { completed: "The answer is complete.", cancelled: "The answer was stopped.", failed: "The answer has failed." };

const DECIDED = {
  happened: "The tool call is marked as done.",
  not_happened: "The tool call is marked as failed.",
  run_again: "The tool runs again.",
};

const transcript = new Transcript({
  log: $("log"), scroller: $("scroller"), jump: $("jump"), status: $("status"),
  agentTitle: (slug) => picker.titleOf(slug),
  onRetry: (entry) => chat.retry(entry).then(showState, failed),
  onDecide: (entry, callId, decision) =>
    chat.decide(entry, callId, decision).then(() => transcript.announce(DECIDED[decision]), failed),
});

const composer = new Composer($("composer"), {
  onSend: send,
  onStop: () => chat.stop(),
  onBusy: () => toast("One answer at a time: wait for it, or stop it."),
});

const picker = new AgentPicker($("agent"), {
  demo: "demo" in document.body.dataset,
  wanted: parameters.get("agent"),
  onChoose: ({ name }) => composer.setAgent(name),
  onFailed: failed,
});

const sidebar = new Sidebar(
  { list: $("conversations"), search: $("search"), empty: $("no-conversations") },
  {
    onOpen: (id) => open(id).then(() => drawer.close()),
    onRemoved: (id) => id === chat.id && newChat(),
    onRenamed: (id, title) => {
      if (id === chat.id) chat.conversation.title = title;
      showTitle();
      tabs.tell("list");
    },
    onFailed: failed,
  },
);

const stream = new StreamClient({
  onEvent: (runId, event) => chat.event(runId, event),
  onLost: (runId) => chat.lost(runId),
  onState: (state) => connection.set(state),
  onSignedOut: signedOut,
});
chat.use(stream);

const tabs = new Tabs(({ kind, conversationId }) => {
  reloadList();
  if (kind === "started" && conversationId === composer.conversationId) chat.refresh(conversationId).catch(failed);
});

function send(text, { parallelTools, resetHistory = false }) {
  const agentName = picker.slug ?? chat.conversation?.agent_name ?? "default";
  chat.send(text, { agentName, parallelTools, resetHistory }).catch(failed);
}

function reloadList() {
  return sidebar.load().then(() => {
    if (chat.conversation) chat.conversation.title = sidebar.titleOf(chat.id) || chat.conversation.title;
    showTitle();
  });
}

function showTitle() {
  const title = chat.conversation?.title;
  document.title = title ? `${title} · ${NAME}` : NAME;
  $("title").textContent = title || "New chat";
}

/** Whether an answer is under way, and whether there is anything at all. */
function showState() {
  composer.setRunning(chat.active !== null);
  $("welcome").hidden = chat.entries.length > 0;
}

function showConversation() {
  transcript.show(chat.entries);
  composer.open(chat.id);
  sidebar.setCurrent(chat.id);
  if (chat.conversation) picker.show(chat.conversation.agent_name);
  showTitle();
  showState();
}

function nameConversation() {
  composer.named(chat.id);
  sidebar.setCurrent(chat.id);
  showAddress("replaceState");
}

/** The address names the conversation, so that a reload, a bookmark or the way back leads to it. */
function showAddress(how) {
  const path = chat.id ? `/?conversation=${encodeURIComponent(chat.id)}` : "/";
  if (location.pathname + location.search !== path) history[how](null, "", path);
}

async function open(id, { how = "pushState" } = {}) {
  try {
    await chat.open(id);
  } catch (error) {
    if (error.code !== "not_found") return failed(error);
    toast("This conversation does not exist any more.");
    const text = composer.conversationId === id ? composer.text : "";
    chat.begin();
    if (text) composer.giveBack(text);
  }
  showAddress(how);
  return composer.focus();
}

function newChat() {
  chat.begin();
  showAddress("pushState");
  drawer.close();
  composer.focus();
}

function signedOut() {
  $("signed-out").hidden = false;
  $("sign-in").href = signInPath();
}

function listen() {
  listenForCopies($("log"));
  nameKeys(document);
  themeChoice($("theme"));
  for (const button of document.querySelectorAll("[data-opens]")) {
    button.addEventListener("click", () => $(button.dataset.opens).showModal());
  }
  $("new-chat").addEventListener("click", newChat);
  $("demo-close")?.addEventListener("click", () => {
    $("demo").remove();
    remember("demo-told", "1"); // the header goes on saying it
  });
  listenForKeys({
    search: () => (drawer.open(), sidebar.focusSearch()),
    newChat,
    compose: () => composer.focus(),
    help: () => $("help").showModal(),
    closeMenu,
    stop: () => (drawer.isOpen ? drawer.close() : chat.stop()),
  });
  addEventListener("popstate", () => {
    const id = new URLSearchParams(location.search).get("conversation");
    if (id) open(id, { how: "replaceState" });
    else chat.begin();
  });
  addEventListener("focus", reloadList);
}

async function begin() {
  listen();
  welcome($("welcome"), {
    userName: document.body.dataset.userName,
    onPick: (text) => send(text, { parallelTools: composer.parallelTools }),
  });
  stream.connect();
  const list = reloadList();
  const agents = picker.load().catch(failed);
  const wanted = parameters.get("conversation");
  const arrive = async () => {
    await agents;
    if (composer.conversationId !== wanted) return false; // another one was opened meanwhile
    await open(wanted, { how: "replaceState" });
    return chat.id === wanted;
  };
  const arriving = wanted && composer.expect(wanted, arrive);
  if (!wanted) showConversation(); // at once: later it would undo what a person has begun meanwhile
  await agents;
  if (chat.conversation) picker.show(chat.conversation.agent_name); // opened before the agents were known
  await Promise.all([arriving, list]);
  if (!drawer.isOpen && matchMedia("(pointer: fine)").matches) composer.focus();
}

begin();
