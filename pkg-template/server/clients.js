// Two sets seen as one: the sockets of plain clients, which a server of `ws` keeps, and the sessions that are used as
// sockets.

export class Clients extends Set {
  #sessions;
  /** Gives the other set; a server that does not track its clients has none. */
  #plain;

  constructor(sessions, plain) {
    super();
    this.#sessions = sessions;
    this.#plain = plain;
  }

  get size() {
    return this.#sessions.size + (this.#plain()?.size ?? 0);
  }

  add(client) {
    this.#sessions.add(client);
    return this;
  }

  delete(client) {
    return this.#sessions.delete(client) || Boolean(this.#plain()?.delete(client));
  }

  clear() {
    this.#sessions.clear();
    this.#plain()?.clear();
  }

  has(client) {
    return this.#sessions.has(client) || Boolean(this.#plain()?.has(client));
  }

  *values() {
    yield* this.#plain() ?? [];
    yield* this.#sessions;
  }

  keys() {
    return this.values();
  }

  *entries() {
    for (const client of this.values()) yield [client, client];
  }

  [Symbol.iterator]() {
    return this.values();
  }

  forEach(callback, self) {
    for (const client of this.values()) callback.call(self, client, client, this);
  }

  [Symbol.for("nodejs.util.inspect.custom")]() {
    return new Set(this);
  }

  static {
    // What else sets have looks past all of this, at what is in no set here.
    for (const name of Object.getOwnPropertyNames(Set.prototype)) {
      if (Object.hasOwn(this.prototype, name)) continue;
      const value = function (...values) {
        return new Set(this)[name](...values);
      };
      Object.defineProperty(this.prototype, name, { value, configurable: true, writable: true });
    }
  }
}
