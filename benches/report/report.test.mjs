// The whole report of made-up runs: the terminal's tables, results.md, and the pictures.

import assert from "node:assert/strict";
import { test } from "node:test";

import { planOf } from "../page/plan.js";
import { report } from "./index.mjs";
import { MACHINE, rounds, SPEEDS, wholeRun } from "./made_up.mjs";
import { workOf } from "./works.mjs";

const WIDTH = 120;

function freeze(value) {
  if (typeof value !== "object" || value === null) return value;
  Object.values(value).forEach(freeze);
  return Object.freeze(value);
}

/** Every element is closed, in order, and every attribute is quoted. */
function checkXml(text) {
  const open = [];
  const tag = /<(\/?)([a-zA-Z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y;
  let at = 0;
  while (at < text.length) {
    if (text[at] !== "<") {
      const end = text.indexOf("<", at);
      const words = text.slice(at, end < 0 ? text.length : end);
      assert.ok(!/&(?!amp;|lt;|gt;|quot;)/.test(words), `not escaped: ${words}`);
      at += words.length;
      continue;
    }
    tag.lastIndex = at;
    const [whole, closes, name, , isEmpty] = tag.exec(text) ?? assert.fail(`no element: ${text.slice(at, at + 80)}`);
    if (closes) assert.equal(open.pop(), name);
    else if (!isEmpty) open.push(name);
    at += whole.length;
  }
  assert.deepEqual(open, []);
}

test("a report is made of its argument alone, which stays as it is", () => {
  const run = freeze(wholeRun());
  assert.deepEqual(report(run), report(wholeRun()));
});

test("a run of nothing has a report, too", () => {
  const { terminal, markdown, charts } = report({});
  assert.match(terminal, /are not measured in this run/);
  assert.match(markdown, /^# Results\n/);
  assert.deepEqual(charts, {});
});

test("the terminal’s lines fit, with all clients and payloads", () => {
  for (const line of report(wholeRun()).terminal.split("\n")) {
    assert.ok([...line].length <= WIDTH, `${[...line].length}: ${line}`);
  }
});

test("the terminal has a line for each client, and its figures stand below each other", () => {
  const lines = report(wholeRun()).terminal.split("\n");
  const start = lines.findIndex((line) => line.startsWith("ECHO:"));
  const rows = Object.keys(SPEEDS).map((client) => {
    const row = lines.slice(start).find((line) => line.startsWith(`${client} `));
    assert.ok(row, client);
    return row;
  });
  const places = rows.map((row) => [...row.matchAll(/×/g)].map(({ index }) => index));
  for (const place of places) assert.deepEqual(place, places[0]);
  assert.equal(places[0].length, 4);
  assert.match(rows[5], /^tautline-durable +442,000\/s +24\.0× ±3 %/);
});

test("one round has no spread", () => {
  const { terminal } = report({ records: rounds("echo", "json", "websocket", "rate", [20_000]) });
  assert.match(terminal, /^websocket +20,000\/s 1\.00×$/m);
});

test("what failed is named with its reason, in the terminal and in the file", () => {
  const records = [
    ...rounds("echo", "json", "websocket", "rate", [100]),
    { work: "echo", payload: "json", client: "ewebsock", round: 1, failed: "Error: <out> of | memory" },
    { work: "million", client: "tautline", round: 1, failed: "Error: no end after 60 s" },
  ];
  const { terminal, markdown } = report({ records });
  assert.match(terminal, /^ewebsock +failed$/m);
  assert.match(terminal, /ewebsock, 100-byte JSON: failed: Error: <out> of \| memory/);
  assert.match(terminal, /tautline: failed: Error: no end after 60 s/);
  assert.ok(markdown.includes("- `ewebsock`, 100-byte JSON: failed: Error: \\<out\\> of \\| memory"));
  assert.ok(markdown.includes("### A million messages"));
  assert.ok(markdown.includes("- `tautline`: failed: Error: no end after 60 s"));
});

test("who takes no part in the works about cuts is named there", () => {
  for (const work of ["reconnect", "loss"]) {
    const [{ clients }] = planOf({ browser: "chromium", only: [work] }).jobs;
    const { says } = workOf(work);
    const named = Object.keys(SPEEDS).filter((client) => says.includes(`\`${client}\``));
    assert.deepEqual(new Set([...clients, ...named]), new Set(Object.keys(SPEEDS)));
    assert.equal(clients.length + named.length, Object.keys(SPEEDS).length);
  }
});

test("works and values that nobody described are shown by their names", () => {
  const { terminal, markdown } = report({ records: rounds("dreams", undefined, "tautline", "depth", [7]) });
  assert.match(terminal, /^DREAMS$/m);
  assert.match(terminal, /^ +depth$/m);
  assert.match(markdown, /^## dreams$/m);
});

test("a work of a second browser is named after it", () => {
  const { terminal, markdown } = report({ records: rounds("echo-firefox", "json", "tautline", "rate", [7000]) });
  assert.match(terminal, /^ECHO, IN FIREFOX:/m);
  assert.match(markdown, /^## Echo, in Firefox$/m);
});

test("results.md says where, when and how, and has every table whole", () => {
  const { markdown, charts } = report({ ...wholeRun(), machine: { ...MACHINE, peers: { "gloo-net": "0.6.0" } } });
  const hardware = "Some Processor, 2 cores; 8.00 GiB; Linux 6.1, x64";
  const told = ["2026-11-25", "Chromium 156.0.8078.108", hardware, "gloo-net 0.6.0", "median of up to 3 rounds"];
  for (const words of told) assert.ok(markdown.includes(words), words);
  for (const name of Object.keys(charts)) assert.ok(markdown.includes(`](${name})`), name);
  let columns;
  for (const line of markdown.split("\n")) {
    if (!line.startsWith("|")) {
      columns = undefined;
      continue;
    }
    const cells = line.split(" | ").length;
    columns ??= cells;
    assert.equal(cells, columns, line);
  }
});

test("the README’s picture is small, whole, and told to those who do not see it", () => {
  const svg = report(wholeRun()).charts["echo.svg"];
  assert.ok(Buffer.byteLength(svg) <= 8 * 1024, `${Buffer.byteLength(svg)} bytes`);
  checkXml(svg);
  assert.match(svg, /<title id="t">.+<\/title>/);
  const description = /<desc id="d">(.+)<\/desc>/.exec(svg)[1];
  const first = "tautline, durable: 442,000/s; tautline, durable (Rust): 294,000/s; the browser’s WebSocket: 18,400/s;";
  assert.ok(description.startsWith(first));
  assert.match(svg, /prefers-color-scheme:dark/);
  assert.doesNotMatch(svg, /NaN|undefined|<script|href/);
});

test("bars are as long as what they stand for, and the longest leaves room for its figures", () => {
  const svg = report(wholeRun()).charts["echo.svg"];
  const widthOf = (kind) => Number(new RegExp(`<rect width="([\\d.]+)"[^>]*class="${kind}"`).exec(svg)[1]);
  const longest = widthOf("durable");
  assert.ok(Math.abs(longest / widthOf("baseline") - 24) < 0.3);
  const total = Number(/viewBox="0 0 (\d+)/.exec(svg)[1]);
  assert.ok(total - 214 - longest > 120);
});

test("without an echo of JSON there is no such picture", () => {
  assert.equal(report({ records: rounds("echo", "16", "websocket", "rate", [1]) }).charts["echo.svg"], undefined);
  const failed = [{ work: "echo", payload: "json", client: "websocket", round: 1, failed: "gone" }];
  assert.equal(report({ records: failed }).charts["echo.svg"], undefined);
});

test("names from outside can’t break a picture", () => {
  const { charts } = report({ records: rounds("echo", "json", 'a<b>&"c', "rate", [5]) });
  checkXml(charts["echo.svg"]);
  assert.ok(charts["echo.svg"].includes("a&lt;b&gt;&amp;&quot;c"));
});

test("each growth has a picture, with all its points", () => {
  const { charts } = report(wholeRun());
  const points = { sockets: 20, "sockets-firefox": 20, outbox: 30, million: 150, reconnects: 150 };
  for (const [work, count] of Object.entries(points)) {
    const svg = charts[`${work}.svg`];
    checkXml(svg);
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
    assert.equal(svg.match(/h0(?=[M"])/g).length, count, work);
  }
});

test("the labels below a panel do not touch", () => {
  for (const [name, svg] of Object.entries(report(wholeRun()).charts)) {
    if (name === "echo.svg") continue;
    for (const panel of svg.split("<g transform").slice(1)) {
      const labels = [...panel.matchAll(/<text x="([\d.]+)" y="195" class="s (e|m)">([^<]+)</g)].map(([, x, anchor, words]) => {
        const wide = words.length * 6.7;
        return { from: Number(x) - (anchor === "e" ? wide : wide / 2), to: Number(x) + (anchor === "e" ? 0 : wide / 2), words };
      });
      assert.ok(labels.length > 1, name);
      for (const [index, { from, words }] of labels.entries()) {
        assert.ok(index === 0 || labels[index - 1].to < from, `${name}: ${labels[index - 1]?.words} and ${words}`);
      }
    }
  }
});

test("a growth of one point, of equal points or of none at all has a picture, too", () => {
  const series = { client: "tautline", x: "sockets", unit: "µs/message" };
  for (const points of [[[1, 50]], [[10, 50], [100, 50]], [], [[1, 0], [10, 0]], [[1, 0.001], [1000, 90_000]]]) {
    const svg = report({ series: [{ ...series, work: "sockets", points }, { ...series, work: "million", points }] }).charts;
    for (const work of ["sockets", "million"]) {
      checkXml(svg[`${work}.svg`]);
      assert.doesNotMatch(svg[`${work}.svg`], /NaN|undefined|Infinity/, JSON.stringify(points));
    }
  }
});
