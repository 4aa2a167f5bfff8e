const NEAR = 24; // pixels

/** Keeps the end in view while the reader is there, and lets go as soon as the reader scrolls up. */
export class StickyScroll {
  #scroller;
  #button;
  #sticks = true;
  #lastTop = 0;

  constructor(scroller, content, button) {
    this.#scroller = scroller;
    this.#button = button;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    scroller.addEventListener("wheel", ({ deltaY }) => deltaY < 0 && this.#canScroll() && this.#let(false), { passive: true });
    content.addEventListener("click", ({ target }) => target.closest("[aria-expanded], summary") && this.#hold());
    button.addEventListener("click", () => this.toEnd());
    const resized = new ResizeObserver(() => this.keep());
    resized.observe(content);
    resized.observe(scroller);
  }

  /** Goes to the end and stays there. */
  toEnd() {
    this.#let(true);
    this.keep();
  }

  keep() {
    if (!this.#sticks) return;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastTop = this.#scroller.scrollTop;
  }

  /** What a person opens stays where it is, even if it pushes the end out of sight. */
  #hold() {
    this.#sticks = false;
    requestAnimationFrame(() => requestAnimationFrame(() => this.#let(this.#isAtEnd())));
  }

  #isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  #canScroll() {
    return this.#scroller.scrollHeight > this.#scroller.clientHeight + NEAR;
  }

  #scrolled() {
    const { scrollTop } = this.#scroller;
    // Only a person scrolls up; content that grows or shrinks moves the end, not the reader.
    if (this.#isAtEnd()) this.#let(true);
    else if (scrollTop < this.#lastTop - 1) this.#let(false);
    this.#lastTop = scrollTop;
  }

  #let(sticks) {
    this.#sticks = sticks;
    this.#button.hidden = sticks;
  }
}
