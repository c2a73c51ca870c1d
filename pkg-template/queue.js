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

  /** Drops the youngest. */
  pop() {
    this.#items.pop();
    this.#settle();
  }

  shift() {
    // One comes and goes in place, without a new array. Settled as they are, there is no empty place before it.
    if (this.#items.length < 2) return this.#items.pop();
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    this.#settle();
    return item;
  }

  /** Takes so many of the oldest, or all. */
  take(count = Infinity) {
    const items = this.slice(0, count);
    this.#items.fill(undefined, this.#head, (this.#head += items.length));
    this.#settle();
    return items;
  }

  /** Where half of it is empty the rest moves down: each item is moved once for each that was taken. */
  #settle() {
    if (this.#head >= this.length) {
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
