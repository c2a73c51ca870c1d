// What the page says when its own scripts don't load: a missing package is the likely reason. A classic script,
// so that it runs where modules fail. The socket's own failures are main.js's business.
(() => {
  function tell() {
    document.getElementById("link").dataset.state = "closed";
    document.getElementById("state").textContent = "Not loaded";
    document.getElementById("detail").textContent = "";
    document.getElementById("cause").textContent = "";
    document.getElementById("notice-title").textContent = "The package did not load";
    const text = document.getElementById("notice-text");
    text.textContent = "";
    text.append(
      "The page needs the npm package at ", code("/pkg/index.js"), ". Build it with ", code("cargo xtask build"),
      ", or start everything with ", code("cargo xtask demo"), ", then load this page again.",
    );
    document.getElementById("notice").hidden = false;
    for (const control of document.querySelectorAll("main button, main input")) control.disabled = true;
  }

  function code(text) {
    const element = document.createElement("code");
    element.textContent = text;
    return element;
  }

  // A module that can't be fetched is an `error` event at its script element. It doesn't bubble.
  window.addEventListener("error", (event) => {
    if (event.target instanceof HTMLScriptElement) tell();
    // A package that lacks what main.js imports is a SyntaxError of the whole module.
    else if (event.error instanceof SyntaxError) tell();
  }, true);
})();
