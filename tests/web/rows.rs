//! Messages that follow each other closely and go out or come in as a row, those that are alone, and the page's own code in the midst.

use std::cell::Cell;
use std::mem;
use std::ops::Range;
use std::rc::Rc;

use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable};
use js_sys::{Function, Reflect};
use tautline::codec::Text;
use tautline::{Event, Failure, Inbox, InboxOverflow, Outbox, OutboxOverflow, Sender, Socket, State};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::wasm_bindgen_test;

use super::connecting::quick;
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
struct Latest {
    give: Function,
    lose: Function,
    end: Function,
}

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
            const give = (data) => latest.dispatchEvent(new MessageEvent('message', { data }));
            const lose = () => latest.dispatchEvent(new CloseEvent('close', { code: 1006 }));
            const end = () => (prototype.send = send);
            return { give, lose, end };",
        );
        let doing = watch.call0(&JsValue::NULL).unwrap();
        let get = |name: &str| Reflect::get(&doing, &name.into()).unwrap().unchecked_into();
        Self {
            give: get("give"),
            lose: get("lose"),
            end: get("end"),
        }
    }

    /// A message arrives.
    fn give(&self, text: &str) {
        self.give.call1(&JsValue::NULL, &text.into()).unwrap();
    }

    /// It is told that it has lost its link.
    fn is_lost(&self) {
        self.lose.call0(&JsValue::NULL).unwrap();
    }
}

impl Drop for Latest {
    fn drop(&mut self) {
        self.end.call0(&JsValue::NULL).unwrap();
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

/// The latest socket, which is given messages by the test itself, and no time passes, until it is dropped: whatever comes is close to
/// what came before it. Not for ever: others wait for time to pass, should this one end before its time.
struct Still {
    latest: Latest,
    undo: Function,
}

impl Still {
    async fn new(socket: &Socket<String>) -> Self {
        let latest = Latest::new();
        // Something has to be sent for it to be known.
        send(&socket.sender(), "who");
        microtasks().await;
        let undo = Function::new_no_args(
            "const { prototype } = Performance;
            const { now } = prototype;
            const time = performance.now();
            let calls = 0;
            prototype.now = () => (++calls < 2000 ? time : now.call(performance));
            return () => { prototype.now = now; };",
        );
        let undo = undo.call0(&JsValue::NULL).unwrap().unchecked_into();
        Self { latest, undo }
    }

    /// So many messages arrive, from number `first` on, with all that each leads to at once.
    async fn give(&self, numbers: Range<usize>) {
        for number in numbers {
            self.latest.give(&number.to_string());
            microtasks().await;
        }
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

/// A plain socket whose messages are counted as they are taken, until it is told to take no more; the server says nothing.
async fn counted(name: &str, inbox: Inbox) -> (Socket<String>, Rc<Cell<usize>>, AbortHandle) {
    let socket = Socket::<String>::builder(url(&format!("/sink?messages=1000000&name={name}")))
        .codec(Text)
        .inbox(inbox)
        .reconnect(quick())
        .connect()
        .unwrap();
    soon("opened", socket.opened()).await.unwrap();
    let mut receiver = socket.try_split().unwrap().1;
    let taken = Rc::new(Cell::new(0));
    let counting = taken.clone();
    let (stop, stopped) = AbortHandle::new_pair();
    spawn_local(async move {
        let take = async {
            while let Some(message) = receiver.next().await {
                assert_eq!(message.unwrap(), counting.get().to_string());
                counting.set(counting.get() + 1);
            }
        };
        let _ = Abortable::new(take, stopped).await;
        // It is there still, and takes nothing.
        mem::forget(receiver);
    });
    microtasks().await;
    (socket, taken, stop)
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
    let (socket, taken, _) = counted(&name(), Inbox::default()).await;
    let still = Still::new(&socket).await;
    // Two are none yet.
    still.give(0..2).await;
    assert_eq!(taken.get(), 2);
    still.give(2..10).await;
    assert_eq!(taken.get(), 2);
    until(&taken, 10).await;
    // The next row begins with its first, and does not go on for ever.
    still.give(10..73).await;
    assert_eq!(taken.get(), 10);
    still.give(73..80).await;
    assert_eq!(taken.get(), 74);
    until(&taken, 80).await;
}

#[wasm_bindgen_test]
async fn a_row_is_no_reason_for_an_inbox_to_be_full_and_leaves_it_as_it_was() {
    let inbox = Inbox {
        messages: 4,
        bytes: 10,
        overflow: InboxOverflow::Close,
    };
    let (socket, taken, stop) = counted(&name(), inbox).await;
    let still = Still::new(&socket).await;
    still.give(0..50).await;
    assert_eq!((socket.state(), taken.get()), (State::Open, 2));
    until(&taken, 50).await;
    assert_eq!(socket.state(), State::Open);
    // Nobody takes any more: it is soon full.
    stop.abort();
    for number in 50..70 {
        turn().await;
        still.give(number..number + 1).await;
    }
    assert_eq!(socket.state(), State::Closed);
    drop(still);
    let closed = soon("closed", socket.closed()).await;
    assert_eq!(closed.failure, Some(Failure::Overflow));
}

#[wasm_bindgen_test]
async fn what_came_before_an_end_is_taken_before_it() {
    let (socket, taken, _) = counted(&name(), Inbox::default()).await;
    let mut events = socket.events();
    let still = Still::new(&socket).await;
    still.give(0..10).await;
    assert_eq!(taken.get(), 2);
    still.latest.is_lost();
    let told = soon("told", async {
        loop {
            if let Some(Event::Disconnected { .. }) = events.next().await {
                return taken.get();
            }
        }
    });
    assert_eq!(told.await, 10);
    drop(still);
    soon("open again", async {
        while socket.state() != State::Open {
            turn().await;
        }
    })
    .await;
}

#[wasm_bindgen_test]
async fn what_is_sent_within_a_row_goes_out_once_when_it_ends() {
    let name = name();
    let (socket, taken, _) = counted(&name, Inbox::default()).await;
    let still = Still::new(&socket).await;
    still.give(0..3).await;
    for _ in 0..5 {
        send(&socket.sender(), "within");
        microtasks().await;
    }
    assert_eq!(taken.get(), 2);
    assert!(socket.stats().outbox.messages >= 4, "{:?}", socket.stats());
    until(&taken, 3).await;
    drop(still);
    until_seen(&name, |seen| seen.messages == 6).await;
    assert_eq!(socket.stats().outbox.messages, 0);
}

#[wasm_bindgen_test]
async fn a_row_comes_out_before_the_page_goes() {
    let (socket, taken, _) = counted(&name(), Inbox::default()).await;
    let still = Still::new(&socket).await;
    still.give(0..10).await;
    assert_eq!(taken.get(), 2);
    leave(true);
    microtasks().await;
    assert_eq!(taken.get(), 10);
}
