// tautline/websocket beside the browser's own class: on* attributes, listeners, and what they throw.

import { sameOnBothSides, useStage } from "./sides.mjs";

useStage();

sameOnBothSides("on* attributes take functions and objects, and null for all else", async (Socket, kit) => {
  const socket = kit.keep(new Socket(kit.echo()));
  const fn = () => {};
  const object = { handleEvent() { kit.note("handleEvent of an attribute"); } };
  for (const name of ["onopen", "onmessage", "onerror", "onclose"]) {
    for (const value of [fn, object, null, fn, undefined, 5, fn, "text", fn, true, [], Symbol("x"), class {}]) {
      kit.note(name, kit.attempt(() => (socket[name] = value) === socket[name]), typeof socket[name]);
    }
  }
  socket.onopen = object;
  await kit.opened(socket);
}, { plain: true });

sameOnBothSides("an attribute has the place of its first setting among the listeners", async (Socket, kit) => {
  const places = async (label, prepare) => {
    const socket = kit.keep(new Socket(kit.echo("greet=x")));
    const add = (name) => socket.addEventListener("message", () => kit.note(label, name));
    prepare(socket, add, (name) => () => kit.note(label, name));
    await kit.next(socket, "message");
  };
  await places("first", (socket, add, say) => {
    socket.onmessage = say("attribute");
    add("listener");
  });
  await places("last", (socket, add, say) => {
    add("listener");
    socket.onmessage = say("attribute");
  });
  const between = { nothing: [], null: [null], "a number": [5], "a function": [() => {}], "an object": [{}] };
  for (const [what, values] of Object.entries(between)) {
    await places(`set again, between it ${what}`, (socket, add, say) => {
      socket.onmessage = say("old");
      add("listener");
      for (const value of values) socket.onmessage = value;
      socket.onmessage = say("new");
    });
  }
  await places("an object first", (socket, add, say) => {
    socket.onmessage = {};
    add("listener");
    socket.onmessage = say("new");
  });
  await places("same function as a listener", (socket, add, say) => {
    const fn = say("both");
    socket.addEventListener("message", fn);
    socket.onmessage = fn;
  });
  await places("removed as a listener", (socket, add, say) => {
    const fn = say("attribute");
    socket.onmessage = fn;
    socket.removeEventListener("message", fn);
  });
}, { plain: true });

sameOnBothSides("`this`, the arguments and what a handler returns", async (Socket, kit) => {
  const socket = kit.keep(new Socket(kit.echo("greet=x")));
  const say = (name) =>
    function (...args) {
      kit.note(
        name, this === socket, args.length, args[0] instanceof Event, args[0].type, args[0].target === socket,
        window.event === args[0],
      );
      return false;
    };
  socket.onopen = say("onopen");
  socket.onmessage = say("onmessage");
  socket.onclose = say("onclose");
  socket.addEventListener("message", say("listener"));
  const object = {
    handleEvent({ type, defaultPrevented, currentTarget }) {
      kit.note("handleEvent", this === object, type, defaultPrevented, currentTarget === socket);
    },
  };
  socket.addEventListener("message", object);
  await kit.next(socket, "message");
  socket.close();
  await kit.next(socket, "close");
}, { plain: true });

sameOnBothSides("listeners' options: once, signal, capture, passive, stopImmediatePropagation", async (Socket, kit) => {
  const socket = kit.keep(new Socket(kit.echo()));
  const controller = new AbortController();
  const note = (name) => () => kit.note(name);
  socket.addEventListener("message", note("plain"));
  socket.addEventListener("message", note("once"), { once: true });
  socket.addEventListener("message", note("signal"), { signal: controller.signal });
  socket.addEventListener("message", note("capture"), true);
  const twice = note("added twice");
  socket.addEventListener("message", twice);
  socket.addEventListener("message", twice);
  socket.addEventListener("message", (event) => event.data === "three" && event.stopImmediatePropagation());
  socket.addEventListener("message", ({ data }) => kit.note("last", data));
  socket.addEventListener("message", null);
  kit.note(
    kit.attempt(() => socket.addEventListener("message")), kit.attempt(() => socket.addEventListener("message", 5)),
  );
  await kit.opened(socket);
  for (const [index, text] of ["one", "two", "three"].entries()) {
    socket.send(text);
    await kit.untilTrue(() => kit.log.filter((entry) => entry === "plain").length === index + 1, text);
    await kit.lap();
    if (text === "one") controller.abort();
    if (text === "two") socket.removeEventListener("message", twice);
  }
}, { plain: true });

sameOnBothSides("events that the application dispatches itself", async (Socket, kit) => {
  const socket = kit.keep(new Socket(kit.echo()));
  socket.onmessage = ({ data, isTrusted }) => kit.note("onmessage", data, isTrusted);
  socket.onclose = ({ type, code }) => kit.note("onclose", type, code ?? "none");
  socket.addEventListener("anything", ({ type }) => kit.note(type));
  kit.note(socket.dispatchEvent(new MessageEvent("message", { data: "mine" })), socket.readyState);
  kit.note(socket.dispatchEvent(new Event("close")), socket.readyState);
  kit.note(socket.dispatchEvent(new Event("anything", { cancelable: true })));
  kit.note(kit.attempt(() => socket.dispatchEvent("message")));
  socket.onclose = null;
  await kit.opened(socket);
  kit.note(socket.readyState);
}, { plain: true });

sameOnBothSides("a listener that throws stops nobody else, and is told to the window", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo("greet=x")));
  for (const type of ["open", "message", "close"]) {
    socket[`on${type}`] = () => {
      throw new RangeError(`mine, in on${type}`);
    };
    socket.addEventListener(type, () => kit.note(type, "goes on"));
    socket.addEventListener(type, { handleEvent: 5 });
  }
  await kit.until("message");
  socket.send("still works");
  await kit.until("message", 2);
  socket.close();
  await kit.until("close");
  await kit.lap();
}, { plain: true });

sameOnBothSides("a listener that throws in error and close of a failed attempt", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo("refuse=503")));
  socket.onerror = () => { throw new RangeError("mine, in onerror"); };
  socket.onclose = () => { throw new RangeError("mine, in onclose"); };
  await kit.until("close");
  await kit.lap();
});

sameOnBothSides("a listener that makes another socket, and one that removes itself", async (Socket, kit) => {
  const socket = kit.watch(new Socket(kit.echo("greet=x")), "first");
  const listener = () => {
    socket.removeEventListener("message", listener);
    kit.watch(new Socket(kit.echo("greet=y")), "second");
    socket.send("again");
  };
  socket.addEventListener("message", listener);
  await kit.until("message", 3);
  // Which of the two is faster is nobody's promise.
  const ofEach = (label) => kit.log.filter((entry) => entry.label === label);
  kit.log.splice(0, Infinity, "removes itself", ...ofEach("first"), ...ofEach("second"));
}, { plain: true });
