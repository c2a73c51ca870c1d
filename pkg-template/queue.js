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

  /** Takes back what was pushed a moment ago. */
  pop() {
    return this.#items.pop();
  }

  shift() {
    // One comes and goes in place, without a new array.
    if (this.#items.length < 2) return this.#items.pop();
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    this.#settle();
    return item;
  }

  /** Takes so many of the oldest, or all. */
  take(count = this.length) {
    const items = this.slice(0, count);
    this.#items.fill(undefined, this.#head, (this.#head += items.length));
    this.#settle();
    return items;
  }

  /** Where half of it is empty the rest moves down: each item is moved once for each that was taken. */
  #settle() {
    if (this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
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
}
