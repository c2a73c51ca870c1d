//! What messages ask of the browser, counted: frames, texts that cross, turns, timers, wake-ups; and what they allocate. None of it is
//! time, so that the figures are the same on every machine, but for what arrives in rows: there they have bounds. Whoever makes a
//! message cheaper writes the new figure here; a dearer one had better have a reason.

use std::alloc::System;

use js_sys::Function;
use serde::Deserialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tautline::codec::Text;
use tautline::{Receiver, Sender, Socket};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{microtasks, soon, url};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// So many messages, and twice as many, which is what an outbox holds: none waits for room, and all fit into one frame.
const COUNTS: [u32; 2] = [500, 1000];
/// Of which the least counts: sockets of earlier tests may end meanwhile, and what they ask for is counted, too.
const ROUNDS: usize = 5;
/// What is long enough for the browser's encoder.
const LONG: u32 = 300;

/// Counts for every socket that is made from now on, and what the page itself is asked for.
const COUNTING: &str = r#"
    let costs = {};
    const add = (name) => {
        costs[name] = (costs[name] ?? 0) + 1;
    };
    const undo = [];
    const count = (object, method, name) => {
        const call = object[method];
        object[method] = function (...values) {
            add(name);
            return call.apply(this, values);
        };
        undo.push(() => (object[method] = call));
    };
    count(TextDecoder.prototype, "decode", "decoded");
    count(TextEncoder.prototype, "encodeInto", "encoded");
    count(MessagePort.prototype, "postMessage", "turns");
    count(globalThis, "setTimeout", "timers");
    count(globalThis, "queueMicrotask", "wakes");
    count(Performance.prototype, "now", "clocks");

    // Bytes of a session bring messages where the first is 0.
    const kindOf = (data) => (typeof data === "string" || new Uint8Array(data)[0] === 0 ? "frames" : "controls");
    const { WebSocket } = globalThis;
    globalThis.WebSocket = class extends WebSocket {
        constructor(...values) {
            super(...values);
            this.addEventListener("message", ({ data }) => add(kindOf(data) + "In"));
        }
        send(data) {
            add(kindOf(data) + "Out");
            super.send(data);
        }
        get readyState() {
            add("looks");
            return super.readyState;
        }
    };
    undo.push(() => (globalThis.WebSocket = WebSocket));

    return (ends) => {
        if (ends) for (const one of undo) one();
        const taken = costs;
        costs = {};
        return JSON.stringify(taken);
    };
"#;

/// What was asked of the browser.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Costs {
    /// Frames with messages, and those of a session without any.
    frames_out: u32,
    frames_in: u32,
    controls_out: u32,
    controls_in: u32,
    /// Texts that became JavaScript's, and long ones that became Rust's.
    decoded: u32,
    encoded: u32,
    /// Ends of turns that were waited for.
    turns: u32,
    timers: u32,
    /// Times that tasks were woken, all that are ready at once.
    wakes: u32,
    /// Looks at the clock, and at the state of a socket.
    clocks: u32,
    looks: u32,
}

impl Costs {
    fn frames(self) -> u32 {
        self.frames_out + self.frames_in + self.controls_out + self.controls_in
    }

    /// What goes with frames, but for waking those who take messages.
    fn besides(self) -> u32 {
        self.turns + self.timers + self.clocks + self.looks
    }

    /// The least of each.
    fn least(self, other: Self) -> Self {
        Self {
            frames_out: self.frames_out.min(other.frames_out),
            frames_in: self.frames_in.min(other.frames_in),
            controls_out: self.controls_out.min(other.controls_out),
            controls_in: self.controls_in.min(other.controls_in),
            decoded: self.decoded.min(other.decoded),
            encoded: self.encoded.min(other.encoded),
            turns: self.turns.min(other.turns),
            timers: self.timers.min(other.timers),
            wakes: self.wakes.min(other.wakes),
            clocks: self.clocks.min(other.clocks),
            looks: self.looks.min(other.looks),
        }
    }
}

/// Counts until it is dropped.
struct Counter(Function);

impl Counter {
    fn new() -> Self {
        let take = Function::new_no_args(COUNTING).call0(&JsValue::NULL).unwrap();
        Self(take.into())
    }

    /// What was counted since the last call.
    fn take(&self) -> Costs {
        let costs = self.0.call1(&JsValue::NULL, &false.into()).unwrap();
        serde_json::from_str(&costs.as_string().unwrap()).unwrap()
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.call1(&JsValue::NULL, &true.into()).unwrap();
    }
}

/// Counts some rounds of the same, and gives the least of each.
async fn least(counter: &Counter, mut round: impl AsyncFnMut()) -> Costs {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let counted = async {
            counter.take();
            round().await;
            counter.take()
        };
        rounds.push(soon("a round", counted).await);
    }
    rounds.into_iter().reduce(Costs::least).unwrap()
}

async fn open(path: &str, durable: bool) -> (Sender<String>, Receiver<String>) {
    let mut builder = Socket::<String>::builder(url(path)).codec(Text);
    if durable {
        builder = builder.durable();
    }
    let socket = builder.connect().unwrap();
    soon("opened", socket.opened()).await.unwrap();
    socket.split()
}

/// Sends so many, all in one go or each in a step of its own, until they have left the outbox.
async fn out(durable: bool, count: u32, in_steps: bool) -> Costs {
    let counter = Counter::new();
    // It takes them all, and says nothing.
    let (mut sender, _receiver) = open("/sink?messages=1000000", durable).await;
    least(&counter, async || {
        for _ in 0..count {
            sender.try_send("a message".into()).unwrap();
            if in_steps {
                microtasks().await;
            }
        }
        sender.flush().await.unwrap();
    })
    .await
}

/// Takes so many, which one message asks for.
async fn back(durable: bool, count: u32) -> Costs {
    let counter = Counter::new();
    let (mut sender, mut receiver) = open(&format!("/push?messages={count}&bytes={LONG}"), durable).await;
    least(&counter, async || {
        sender.send("please".into()).await.unwrap();
        for _ in 0..count {
            receiver.next().await.unwrap().unwrap();
        }
    })
    .await
}

#[wasm_bindgen_test]
async fn without_a_session_a_message_out_is_a_frame_and_nothing_else() {
    for count in COUNTS {
        let costs = out(false, count, false).await;
        assert_eq!((costs.frames(), costs.frames_out), (count, count), "{costs:?}");
        assert_eq!((costs.decoded, costs.encoded, costs.timers), (count, 0, 0), "{costs:?}");
        assert!(costs.wakes + costs.besides() <= 10, "{costs:?}");
    }
}

#[wasm_bindgen_test]
async fn without_a_session_a_message_in_is_a_frame_and_wakes_once_at_most() {
    for count in COUNTS {
        let costs = back(false, count).await;
        assert_eq!((costs.frames_out, costs.frames_in), (1, count), "{costs:?}");
        assert_eq!((costs.decoded, costs.encoded, costs.timers), (1, count, 0), "{costs:?}");
        assert!(costs.wakes <= count + 10, "{costs:?}");
        // A look at the clock for each that is alone, and a turn with two for a row.
        assert!(costs.clocks <= count + 2 * costs.turns + 10, "{costs:?}");
        assert!(costs.turns <= costs.wakes && costs.looks <= 10, "{costs:?}");
    }
}

#[wasm_bindgen_test]
async fn in_a_session_what_is_sent_in_one_go_is_one_frame() {
    for count in COUNTS {
        let costs = out(true, count, false).await;
        assert_eq!((costs.frames_out, costs.controls_out), (1, 0), "{count}: {costs:?}");
        assert_eq!((costs.decoded, costs.encoded), (0, 0), "{count}: {costs:?}");
        assert_eq!((costs.turns, costs.timers), (0, 0), "{count}: {costs:?}");
        // The server may say more than once what it has taken.
        assert!(costs.frames() <= 20, "{count}: {costs:?}");
        assert!(
            costs.wakes + costs.besides() <= 10 * costs.frames(),
            "{count}: {costs:?}"
        );
    }
}

#[wasm_bindgen_test]
async fn in_a_session_what_is_sent_in_one_turn_is_two_frames() {
    for count in COUNTS {
        let costs = out(true, count, true).await;
        // The first goes at once, the others when the turn ends.
        assert_eq!((costs.frames_out, costs.controls_out), (2, 0), "{count}: {costs:?}");
        assert_eq!((costs.decoded, costs.encoded), (0, 0), "{count}: {costs:?}");
        assert_eq!((costs.turns, costs.timers), (1, 0), "{count}: {costs:?}");
        assert!(costs.frames() <= 20, "{count}: {costs:?}");
        assert!(costs.clocks <= 10, "{count}: {costs:?}");
    }
}

#[wasm_bindgen_test]
async fn in_a_session_what_arrives_costs_by_the_frame() {
    for count in COUNTS {
        let costs = back(true, count).await;
        // The server fills them, to 64 KiB, as it comes to it.
        assert!(costs.frames_in <= 20, "{count}: {costs:?}");
        assert_eq!(
            (costs.frames_out, costs.encoded),
            (1, costs.frames_in),
            "{count}: {costs:?}"
        );
        assert_eq!(costs.decoded, 0, "{count}: {costs:?}");
        assert!(
            costs.wakes + costs.besides() <= 10 * costs.frames(),
            "{count}: {costs:?}"
        );
    }
}

/// What the server pushes, as JSON.
#[derive(Deserialize)]
struct Numbered {
    n: u32,
}

#[wasm_bindgen_test]
async fn in_a_session_json_is_decoded_in_its_frame() {
    for count in COUNTS {
        let url = url(&format!("/push?messages={count}&bytes={LONG}"));
        let socket = Socket::<Numbered, String>::builder(url).durable().connect();
        let (mut sender, mut receiver) = socket.unwrap().split();
        let mut fewest = usize::MAX;
        for _ in 0..ROUNDS {
            let region = Region::new(ALLOCATOR);
            sender.send("please".into()).await.unwrap();
            for due in 1..=count {
                assert_eq!(receiver.next().await.unwrap().unwrap().n, due);
            }
            fewest = fewest.min(region.change().allocations);
        }
        // Frames have some of their own; a copy of each message would be one for each.
        assert!(fewest < count as usize / 4, "{fewest} allocations for {count} messages");
    }
}
