//! Messages that follow each other closely and go out in a row, those that are alone, and the page's own code in the midst.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::StreamExt;
use js_sys::Function;
use tautline::codec::Text;
use tautline::{Inbox, InboxOverflow, Outbox, OutboxOverflow, Sender, Socket, State};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{fault, microtasks, name, soon, turn, until_seen, url};

/// Another `send` than the browser's, for every socket, until it is dropped. It calls back when it is given this text.
struct Wrapped {
    undo: Function,
    _callback: Closure<dyn FnMut()>,
}

impl Wrapped {
    fn new(text: &str, callback: impl FnMut() + 'static) -> Self {
        let callback = Closure::<dyn FnMut()>::new(callback);
        let wrap = Function::new_with_args(
            "text, callback",
            "const { prototype } = WebSocket;
            const { send } = prototype;
            prototype.send = function (data) {
                send.call(this, data);
                if (data === text) callback();
            };
            return () => { prototype.send = send; };",
        );
        let undo = wrap.call2(&JsValue::NULL, &text.into(), callback.as_ref()).unwrap();
        Self {
            undo: undo.unchecked_into(),
            _callback: callback,
        }
    }
}

impl Drop for Wrapped {
    fn drop(&mut self) {
        self.undo.call0(&JsValue::NULL).unwrap();
    }
}

/// Knows which socket has sent the latest message, until it is dropped.
struct Latest(Function);

impl Latest {
    fn new() -> Self {
        let watch = Function::new_no_args(
            "const { prototype } = WebSocket;
            const { send } = prototype;
            let latest;
            prototype.send = function (data) {
                latest = this;
                send.call(this, data);
            };
            return (ends) => {
                if (ends === true) prototype.send = send;
                else if (ends) return (data) => latest.dispatchEvent(new MessageEvent('message', { data }));
                else latest.dispatchEvent(new CloseEvent('close', { code: 1006 }));
            };",
        );
        Self(watch.call0(&JsValue::NULL).unwrap().unchecked_into())
    }

    /// It is told that it has lost its link.
    fn is_lost(&self) {
        self.0.call1(&JsValue::NULL, &false.into()).unwrap();
    }
}

impl Drop for Latest {
    fn drop(&mut self) {
        self.0.call1(&JsValue::NULL, &true.into()).unwrap();
    }
}

/// Counts how often the end of a turn is asked for, until it is dropped.
struct Asked(Function);

impl Asked {
    fn new() -> Self {
        let count = Function::new_no_args(
            "const { prototype } = MessagePort;
            const { postMessage } = prototype;
            let count = 0;
            prototype.postMessage = function (...args) {
                count += 1;
                postMessage.apply(this, args);
            };
            return (ends) => {
                if (ends) prototype.postMessage = postMessage;
                return count;
            };",
        );
        Self(count.call0(&JsValue::NULL).unwrap().unchecked_into())
    }

    fn count(&self) -> f64 {
        self.0.call1(&JsValue::NULL, &false.into()).unwrap().as_f64().unwrap()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.call1(&JsValue::NULL, &true.into()).unwrap();
    }
}

/// The latest socket is given messages by the test itself, and no time passes, until it is dropped: whatever comes is close to what
/// came before it.
struct Still {
    give: Function,
    undo: Function,
}

impl Still {
    async fn new(socket: &Socket<String>) -> Self {
        let latest = Latest::new();
        let undo = Function::new_no_args(
            "const { prototype } = Performance;
            const { now } = prototype;
            const time = performance.now();
            prototype.now = () => time;
            return () => { prototype.now = now; };",
        );
        // Something has to be sent for it to be known.
        send(&socket.sender(), "who");
        microtasks().await;
        let give = latest.0.call1(&JsValue::NULL, &"give".into()).unwrap();
        Self {
            give: give.unchecked_into(),
            undo: undo.call0(&JsValue::NULL).unwrap().unchecked_into(),
        }
    }

    /// A message arrives.
    fn give(&self, text: &str) {
        self.give.call1(&JsValue::NULL, &text.into()).unwrap();
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        self.undo.call0(&JsValue::NULL).unwrap();
    }
}

/// Thinks for longer than messages of one row are apart, and much less than a row is remembered.
fn think() {
    Function::new_no_args("const end = performance.now() + 0.3; while (performance.now() < end);")
        .call0(&JsValue::NULL)
        .unwrap();
}

fn send(sender: &Sender<String>, text: &str) {
    sender.try_send(text.into()).unwrap();
}

/// Thinks until whatever is sent next is alone.
fn think_long() {
    Function::new_no_args("const end = performance.now() + 2; while (performance.now() < end);")
        .call0(&JsValue::NULL)
        .unwrap();
}

/// A plain socket that is open; the server knows its connection by this name.
async fn open(name: &str) -> Socket<String> {
    let socket = Socket::<String>::builder(url(&format!("/echo?name={name}")))
        .codec(Text)
        .connect()
        .unwrap();
    soon("opened", socket.opened()).await.unwrap();
    socket
}

/// Tells the page that it goes: for good, or to come back.
fn leave(persisted: bool) {
    Function::new_with_args(
        "persisted",
        "dispatchEvent(Object.assign(new Event('pagehide'), { persisted }));",
    )
    .call1(&JsValue::NULL, &persisted.into())
    .unwrap();
}

/// Sends until a message waits for the end of its turn; how many.
async fn send_until_one_waits(socket: &Socket<String>) -> u64 {
    for count in 1..=1000 {
        send(&socket.sender(), "one of many");
        microtasks().await;
        if socket.stats().outbox.messages > 0 {
            return count;
        }
    }
    panic!("a thousand messages, and none of them waits");
}

#[wasm_bindgen_test]
async fn what_a_page_sends_inside_send_stands_behind_the_row() {
    let socket = Socket::<String>::builder(url("/echo")).codec(Text).connect().unwrap();
    let (sender, receiver) = socket.split();
    // All of these wait for the socket to open.
    for text in ["first of the row", "second", "third"] {
        send(&sender, text);
    }
    let _wrapped = Wrapped::new("first of the row", move || send(&sender, "from inside"));
    let echoes = receiver.take(4).map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(
        soon("four echoes", echoes).await,
        ["first of the row", "second", "third", "from inside"]
    );
}

#[wasm_bindgen_test]
async fn one_message_at_a_time_waits_for_no_end_of_a_turn() {
    let socket = Socket::<String>::builder(url("/echo")).codec(Text).connect().unwrap();
    soon("opened", socket.opened()).await.unwrap();
    let (mut sender, mut receiver) = socket.split();
    let asked = Asked::new();
    // A burst, which is worth it.
    for _ in 0..send_until_one_waits(&socket).await {
        soon("an echo", receiver.next()).await.unwrap().unwrap();
    }
    let before = asked.count();
    assert!(before > 0.0, "the burst was gathered");
    for _ in 0..50 {
        think();
        sender.send("alone".into()).await.unwrap();
        soon("an echo", receiver.next()).await.unwrap().unwrap();
    }
    let count = asked.count() - before;
    assert!(count < 10.0, "{count} turns were waited for");
}

#[wasm_bindgen_test]
async fn a_message_of_a_session_that_is_alone_waits_for_no_end_of_a_turn() {
    let name = name();
    let socket = Socket::<String>::builder(url(&format!("/echo?name={name}")))
        .codec(Text)
        .durable()
        .connect()
        .unwrap();
    soon("opened", socket.opened()).await.unwrap();
    // Whatever arrives shows that a turn has ended.
    fault(&name, "silent=1").await;
    let asked = Asked::new();
    for count in 1..=10 {
        think_long();
        send(&socket.sender(), "alone");
        microtasks().await;
        assert_eq!(socket.stats().sent, count);
    }
    assert_eq!(asked.count(), 0.0);
    // Behind one of them, and close: the end of the turn is worth it.
    for _ in 0..1000 {
        send(&socket.sender(), "one of many");
        microtasks().await;
        if asked.count() > 0.0 {
            return;
        }
    }
    panic!("a thousand messages, and none of them waits");
}

#[wasm_bindgen_test]
async fn a_close_waits_for_no_row() {
    let name = name();
    let socket = open(&name).await;
    let count = send_until_one_waits(&socket).await;
    let closed = socket.close(1000, "");
    microtasks().await;
    assert_eq!(socket.stats().sent, count);
    assert!(soon("closed", closed).await.unwrap().was_clean);
    until_seen(&name, |seen| seen.messages == count && seen.open == 0).await;
}

#[wasm_bindgen_test]
async fn nothing_is_gathered_behind_a_close() {
    // Several times: what is slow the first time is not close enough to be gathered.
    for _ in 0..10 {
        let socket = Socket::<String>::builder(url("/echo")).codec(Text).connect().unwrap();
        soon("opened", socket.opened()).await.unwrap();
        let (sender, mut receiver) = socket.split();
        // So much that the socket is looked at before it gets the next, which then follows that look closely.
        for _ in 0..4 {
            send(&sender, &"x".repeat(1 << 20));
            soon("an echo", receiver.next()).await.unwrap().unwrap();
        }
        send(&sender, "the last");
        let closed = sender.close(1000, "");
        microtasks().await;
        assert_eq!(socket.stats().sent, 5);
        assert!(soon("closed", closed).await.unwrap().was_clean);
    }
}

#[wasm_bindgen_test]
async fn what_was_gathered_when_the_link_is_lost_goes_out_once_on_the_next() {
    let name = name();
    let latest = Latest::new();
    let socket = open(&name).await;
    let count = send_until_one_waits(&socket).await;
    latest.is_lost();
    assert_eq!(socket.stats().outbox.messages, 1);
    until_seen(&name, |seen| seen.messages == count).await;
    assert_eq!((socket.stats().sent, socket.stats().reconnects), (count, 1));
    soon("closed", socket.close(1000, "")).await.unwrap();
    until_seen(&name, |seen| seen.messages == count && seen.open == 0).await;
}

#[wasm_bindgen_test]
async fn what_was_gathered_goes_out_before_the_page_goes() {
    for persisted in [true, false] {
        let name = name();
        let socket = open(&name).await;
        let count = send_until_one_waits(&socket).await;
        leave(persisted);
        until_seen(&name, |seen| seen.messages == count && seen.open == 0).await;
    }
}

#[wasm_bindgen_test]
async fn a_session_says_what_waits_for_its_turn_before_the_page_goes() {
    let socket = Socket::<String>::builder(url("/echo"))
        .codec(Text)
        .durable()
        .connect()
        .unwrap();
    soon("opened", socket.opened()).await.unwrap();
    let (sender, _receiver) = socket.split();
    let mut count = 0;
    // A browser that is slow at first hands on a few more before they follow each other closely.
    while socket.stats().sent == count {
        assert!(count < 1000, "a thousand messages, and none of them waits");
        send(&sender, "an echo");
        count += 1;
        microtasks().await;
    }
    leave(false);
    assert_eq!(socket.stats().sent, count);
}

#[wasm_bindgen_test]
async fn an_outbox_that_drops_its_oldest_drops_nothing_while_the_socket_takes_it() {
    let socket = Socket::<String>::builder(url("/echo"))
        .codec(Text)
        .outbox(Outbox {
            messages: 10,
            overflow: OutboxOverflow::DropOldest,
            ..Outbox::default()
        })
        .connect()
        .unwrap();
    soon("opened", socket.opened()).await.unwrap();
    let (sender, _receiver) = socket.split();
    for _ in 0..200 {
        send(&sender, "an echo");
        microtasks().await;
    }
    assert_eq!(socket.stats().sent, 200);
}

/// A plain socket whose messages come out where they are counted; the server says nothing.
async fn counted(inbox: Inbox) -> (Socket<String>, Rc<Cell<usize>>) {
    let socket = Socket::<String>::builder(url("/sink?messages=1000000"))
        .codec(Text)
        .inbox(inbox)
        .connect()
        .unwrap();
    soon("opened", socket.opened()).await.unwrap();
    let mut receiver = socket.try_split().unwrap().1;
    let taken = Rc::new(Cell::new(0));
    let counting = taken.clone();
    spawn_local(async move {
        while let Some(message) = receiver.next().await {
            assert_eq!(message.unwrap(), counting.get().to_string());
            counting.set(counting.get() + 1);
        }
    });
    microtasks().await;
    (socket, taken)
}

async fn until(taken: &Cell<usize>, count: usize) {
    soon("the end of the turn", async {
        while taken.get() < count {
            turn().await;
        }
    })
    .await;
}

#[wasm_bindgen_test]
async fn messages_that_follow_each_other_closely_come_out_together_when_the_turn_ends() {
    let (socket, taken) = counted(Inbox::default()).await;
    let still = Still::new(&socket).await;
    for n in 0..10 {
        still.give(&n.to_string());
        microtasks().await;
        // Two are none yet.
        assert_eq!(taken.get(), (n + 1).min(2));
    }
    until(&taken, 10).await;
    // The next row begins with its first, and does not go on for ever.
    for n in 10..80 {
        still.give(&n.to_string());
        microtasks().await;
        assert_eq!(taken.get(), if n < 73 { 10 } else { 74 });
    }
    until(&taken, 80).await;
}

#[wasm_bindgen_test]
async fn a_row_is_no_reason_for_an_inbox_to_be_full() {
    let inbox = Inbox {
        messages: 4,
        bytes: 100,
        overflow: InboxOverflow::Close,
    };
    let (socket, taken) = counted(inbox).await;
    let still = Still::new(&socket).await;
    for n in 0..50 {
        still.give(&n.to_string());
        microtasks().await;
    }
    assert_eq!((socket.state(), taken.get()), (State::Open, 2));
    until(&taken, 50).await;
    assert_eq!(socket.state(), State::Open);
}

#[wasm_bindgen_test]
async fn a_row_comes_out_before_the_page_goes() {
    let (socket, taken) = counted(Inbox::default()).await;
    let still = Still::new(&socket).await;
    for n in 0..10 {
        still.give(&n.to_string());
        microtasks().await;
    }
    assert_eq!(taken.get(), 2);
    leave(true);
    microtasks().await;
    assert_eq!(taken.get(), 10);
}
