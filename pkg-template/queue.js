// A first-in, first-out queue that costs the same whatever its length.

export class Queue {
  #items = [];
  #head = 0;

  get length() {
    return this.#items.length - this.#head;
  }

  push(item) {
    this.#items.push(item);
  }

  /** Takes the youngest back. */
  pop() {
    return this.#items.pop();
  }

  shift() {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    // Half of it is empty: move the rest down. Each item is moved once for each that was taken.
    if (this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** The item so many places behind the oldest. */
  at(index) {
    return this.#items[this.#head + index];
  }

  /** So many items, from the one so many places behind the oldest on. */
  slice(index, count) {
    return this.#items.slice(this.#head + index, this.#head + index + count);
  }

  set(index, item) {
    this.#items[this.#head + index] = item;
  }

  /** Everything, the oldest first; the queue is empty then. */
  drain() {
    const items = this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    return items;
  }
}
