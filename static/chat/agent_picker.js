import { api } from "./api.js";
import { h, setText } from "./dom.js";
import { icon } from "./icons.js";
import { closeMenu, isMenuOpen, openMenu } from "./menu.js";
import { recall, remember } from "./storage.js";

const slugOf = (agent) => agent.agent_name ?? agent.slug;
const tools = ({ length }) => (length === 1 ? "1 tool" : `${length || "no"} tools`);

/** Who answers: a button with the agent's name, which opens a list with what each agent is for. */
export class AgentPicker {
  #button;
  #name;
  #about;
  #agents = [];
  #chosen = null;
  #onChoose;
  #demo;
  #wanted;

  /**
   * `demo`: no provider is set, so whatever model an agent names, the demo model answers.
   * `wanted`: the agent that the page's address names, or null.
   */
  constructor(button, { demo, wanted, onChoose, onFailed }) {
    this.#demo = demo;
    this.#wanted = wanted;
    this.#button = button;
    this.#name = button.querySelector(".agent-name");
    this.#about = button.querySelector(".agent-about");
    this.#onChoose = onChoose;
    button.addEventListener("click", () => (isMenuOpen() ? closeMenu() : this.#open().catch(onFailed)));
  }

  /** The agent to ask; until the agents are known, the one that the page's address names, or null. */
  get slug() {
    return this.#chosen ? slugOf(this.#chosen) : this.#wanted;
  }

  /** The name that people read for an agent; one that is gone keeps its technical name. */
  titleOf(slug) {
    const agent = this.#find(slug ?? this.slug);
    return agent?.name ?? slug ?? "Assistant";
  }

  async load() {
    const { results } = await api.agents();
    this.#agents = results;
    const usable = [this.#wanted, recall("agent")].map((slug) => this.#find(slug)).find((agent) => agent?.is_active !== false && agent);
    this.#show(usable ?? results.find((agent) => agent.is_default) ?? this.#find("default") ?? results[0]);
  }

  /** Shows the agent that a conversation belongs to. */
  show(slug) {
    const agent = this.#find(slug);
    if (agent) this.#show(agent);
  }

  #find(slug) {
    return this.#agents.find((agent) => slugOf(agent) === slug);
  }

  #aboutOf(agent) {
    const twins = this.#agents.filter(({ name }) => name === agent.name).length > 1;
    const about = [this.#demo ? "demo model" : agent.model, tools(agent.tools)];
    return (twins ? [slugOf(agent), ...about] : about).join(" · "); // agents may share the name that people read
  }

  #show(agent) {
    if (!agent) return;
    this.#chosen = agent;
    setText(this.#name, agent.name);
    setText(this.#about, this.#aboutOf(agent));
    this.#onChoose(agent);
  }

  #choose(agent) {
    remember("agent", slugOf(agent));
    this.#show(agent);
    this.#button.focus();
  }

  async #open() {
    if (!this.#agents.length) await this.load(); // the page has only just begun, or had no connection
    const items = this.#agents.map((agent) => this.#option(agent));
    const selected = this.#agents.indexOf(this.#chosen);
    openMenu(this.#button, { role: "listbox", label: "Agents", items, selected });
  }

  #option(agent) {
    const off = agent.is_active === false;
    const choose = () => off || this.#choose(agent);
    return h(
      "div.option",
      {
        role: "option",
        tabindex: "-1",
        "aria-selected": String(agent === this.#chosen),
        "aria-disabled": off ? "true" : null,
        onclick: choose,
        onkeydown: (event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), event.currentTarget.click()),
      },
      h("span.option-head", {}, h("span.option-name", {}, agent.name), agent === this.#chosen ? icon("check") : null),
      agent.description ? h("span.option-text", {}, agent.description) : null,
      h("span.option-about", {}, off ? "Switched off by an administrator" : this.#aboutOf(agent)),
    );
  }
}
