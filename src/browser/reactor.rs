//! Binds the machine to a socket, a timer and the page, inside the browser's own callbacks.
//!
//! Everything that happens becomes one [`Input`]; then every [`Output`] is carried out, in order, by a single loop. What
//! user code does meanwhile (send, close, drop) is taken in and waits its turn in the loop that already runs, so no
//! borrow is held while user code runs, and nothing recurses.

use alloc::collections::VecDeque;
use alloc::rc::{Rc, Weak};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::mem;
use core::time::Duration;

use js_sys::Uint8Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::WebSocket;

use super::clock::{self, EndOfTurn, SleepWatch, Timer};
use super::listener::{Callback, Listener};
use super::page;
use super::socket::{self, Report, Socket};
use super::text;
use crate::codec::{Arrival, Extent, Payload, packing};
use crate::proto::{Close, Connection, Event, Generation, Input, Output, Row, Signal, State, Time};
use crate::session::frame::Malformed;
use crate::session::{self, Chunk};

/// How an end without a code is reported; nobody may send it.
const NO_STATUS: u16 = 1005;

/// Plain messages that follow each other sooner than this wait for the end of the turn, and go out in a row: the browser's
/// other threads are woken once for all of them. Less than any round trip, and what a clock can tell where it is kept
/// coarse.
const GATHER: Duration = Duration::from_micros(100);
/// So soon after a row the next one begins; and so soon after a frame of a session the next one waits for the turn's end.
const FLOW: Duration = Duration::from_millis(1);

/// What a face does for the reactor. The reactor holds no borrow of its own while it calls one of these.
pub(crate) trait Host: 'static {
    /// Lends the machine. `work` runs no user code and wakes nobody.
    fn machine<R>(&self, work: impl FnOnce(&mut Connection) -> R) -> R;

    /// Makes the browser's socket.
    fn open(&self) -> Result<WebSocket, JsValue>;

    /// Asks the application for the URL; the answer comes back as [`Input::UrlReady`] or [`Input::UrlFailed`].
    fn ask_url(&self, generation: Generation, last_close: Option<Close>);

    /// The answer is not wanted any more.
    fn forget_url(&self);

    /// Hands `count` messages of the outbox to the socket, the first of them number `first`.
    fn transmit(&self, socket: &WebSocket, first: u64, count: u64);

    /// Hands messages of the outbox to the socket, in one frame.
    fn transmit_batch(&self, socket: &WebSocket, chunk: Chunk);

    /// Hands a binary frame to the socket.
    fn transmit_frame(&self, socket: &WebSocket, frame: &[u8]);

    /// Forgets the `count` oldest messages of the outbox.
    fn release(&self, count: u64);

    /// Sends the application's heartbeat message.
    fn heartbeat(&self, socket: &WebSocket);

    /// Puts messages into the inbox. Whoever waits for them is woken, now or by [`wake`](Self::wake).
    fn deliver(&self, arrivals: VecDeque<Arrival>, wakes: bool);

    /// Whether somebody waits for messages.
    fn is_awaited(&self) -> bool;

    /// Wakes whoever waits for messages.
    fn wake(&self);

    /// Throws the `count` oldest messages of the inbox away.
    fn drop_oldest(&self, count: u64);

    /// Whether the application's own policy wants to come back after this, where it has an opinion.
    fn retry(&self, close: &Close) -> Option<bool>;

    /// This socket is open.
    fn connected(&self, socket: &WebSocket);

    /// Tells the application.
    fn tell(&self, event: Event);
}

/// Drives one machine. Dropping it closes the socket and frees every closure and listener.
pub(crate) struct Reactor<H> {
    host: H,
    this: Weak<Self>,
    socket: RefCell<Option<Socket>>,
    /// What arrived and was not delivered yet.
    arrivals: RefCell<VecDeque<Arrival>>,
    /// Messages of a plain WebSocket that arrive closely behind each other.
    row: Cell<Row>,
    /// The end of a socket that came behind a row: what came before it is taken before.
    late_end: RefCell<Option<(Generation, Close)>>,
    texts: text::Reader,
    timer: RefCell<Option<Timer>>,
    turn: RefCell<EndOfTurn>,
    /// The machine awaits the turn's end since then, and nobody was asked for it yet.
    turn_due: Cell<Option<Time>>,
    /// What goes out on a plain WebSocket waits for the end of the turn.
    holds: Cell<bool>,
    /// What is to go out before then waits for the end of its turn.
    gather_until: Cell<Time>,
    sleep: SleepWatch,
    page: RefCell<Vec<Listener>>,
    /// The loop runs somewhere up the stack.
    running: Cell<bool>,
}

impl<H: Host> Reactor<H> {
    pub(crate) fn new(host: H) -> Rc<Self> {
        Rc::new_cyclic(|this: &Weak<Self>| Self {
            host,
            this: this.clone(),
            socket: RefCell::default(),
            arrivals: RefCell::default(),
            row: Cell::default(),
            late_end: RefCell::default(),
            texts: text::Reader::default(),
            timer: RefCell::default(),
            turn_due: Cell::default(),
            holds: Cell::default(),
            gather_until: Cell::default(),
            turn: RefCell::new(EndOfTurn::new(callback(this, Cue::Turn))),
            sleep: SleepWatch::new(),
            page: RefCell::new(page::listen(|cue| callback(this, Cue::Page(cue)))),
            running: Cell::new(false),
        })
    }

    /// A seed for the machine.
    pub(crate) fn seed() -> u64 {
        clock::seed()
    }

    pub(crate) fn host(&self) -> &H {
        &self.host
    }

    /// Begins to connect.
    pub(crate) fn start(&self) {
        if page::is_offline() {
            self.feed(Input::Page(Signal::Offline));
        }
        self.handle(Input::Connect);
    }

    /// Takes something in, and does what follows from it.
    pub(crate) fn handle(&self, input: Input) {
        self.feed(input);
        self.run();
    }

    /// Does what there is to do.
    pub(crate) fn run(&self) {
        self.work(false);
    }

    /// The same; whether it was just seen that the socket is open.
    fn work(&self, mut has_looked: bool) {
        if self.running.replace(true) {
            return;
        }
        self.notice_late_message();
        let mut holds = None;
        loop {
            self.prepare_to_send(&mut has_looked, &mut holds);
            let output = self.host.machine(|machine| {
                // User code may have closed it meanwhile, or the turn has ended.
                let holds = holds.unwrap_or_default() && self.holds.get() && machine.may_hold();
                machine.poll_unless_held(holds)
            });
            match output {
                Some(output) => self.perform(output),
                None if self.ends_turn_at_once() => self.feed(Input::TurnEnded),
                None => break,
            }
        }
        self.running.set(false);
        if self.host.machine(|machine| machine.state()) == State::Closed {
            self.page.take();
            self.timer.take();
        }
    }

    fn feed(&self, input: Input) {
        let now = clock::now();
        self.host.machine(|machine| machine.handle(input, now));
    }

    fn perform(&self, output: Output) {
        match output {
            Output::AskUrl(generation) => {
                let last_close = self.host.machine(|machine| machine.stats().last_close);
                self.host.ask_url(generation, last_close);
            }
            Output::Open(generation) => self.open(generation),
            Output::Transmit { first, count } => {
                if let Some(socket) = self.raw() {
                    self.host.transmit(&socket, first, count);
                }
            }
            Output::Batch(chunk) => {
                if let Some(socket) = self.raw() {
                    self.host.transmit_batch(&socket, chunk);
                }
            }
            Output::Frame(frame) => {
                if let Some(socket) = self.raw() {
                    self.host.transmit_frame(&socket, &frame);
                }
            }
            Output::AwaitTurn => self.turn_due.set(Some(clock::now())),
            Output::Release { count } => self.host.release(count),
            Output::Heartbeat => {
                if let Some(socket) = self.raw() {
                    self.host.heartbeat(&socket);
                }
            }
            Output::Deliver { count } => {
                let arrivals = self.take_arrivals(count);
                self.deliver(arrivals);
            }
            Output::Discard { count } => drop(self.take_arrivals(count)),
            Output::Drop { count } => self.host.drop_oldest(count),
            Output::Measure => {
                let bytes = self.raw().map_or(0, |socket| socket.buffered_amount());
                self.feed(Input::Buffered(bytes as usize));
            }
            Output::Close { code, reason } => {
                if let Some(socket) = self.raw() {
                    // The faces have checked code and reason.
                    let _ = match code {
                        NO_STATUS => socket.close(),
                        _ => socket.close_with_code_and_reason(code, &reason),
                    };
                }
            }
            Output::Abandon(generation) => self.abandon(generation),
            Output::SetTimer(deadline) => self.set_timer(deadline),
            Output::Tell(event) => self.host.tell(event),
        }
    }

    fn open(&self, generation: Generation) {
        match self.host.open() {
            Ok(raw) => {
                let socket = Socket::bind(raw, generation, |cue| {
                    callback(&self.this, Cue::Socket(generation, cue))
                });
                self.socket.replace(Some(socket));
            }
            Err(_) => self.feed(Input::OpenFailed(generation)),
        }
    }

    /// So many of the oldest that arrived.
    fn take_arrivals(&self, count: usize) -> VecDeque<Arrival> {
        let mut arrivals = self.arrivals.borrow_mut();
        let count = count.min(arrivals.len());
        let rest = arrivals.split_off(count);
        mem::replace(&mut arrivals, rest)
    }

    /// What the browser calls comes in here.
    fn heard(&self, cue: Cue, event: JsValue) {
        match cue {
            Cue::Socket(generation, cue) => self.report(generation, socket::report(cue, event)),
            Cue::Turn => self.turn_ended(),
            Cue::Page(cue) => {
                if let Some(signal) = page::signal(cue, event) {
                    // The page may be about to go: now or never.
                    if self.row.get().is_open() {
                        self.end_row();
                    }
                    self.tell_late_end();
                    self.stop_holding();
                    if matches!(cue, page::Cue::Hide) {
                        self.turn_due.take();
                        self.feed(Input::TurnEnded);
                    }
                    self.run();
                    self.handle(Input::Page(signal));
                }
            }
        }
    }

    fn report(&self, generation: Generation, report: Report) {
        match report {
            Report::Opened => self.opened(generation),
            Report::Message(data) if self.host.machine(|machine| machine.is_durable()) => {
                let now = clock::now();
                self.read_frame(generation, &data, now);
                self.notice_turn(now);
                self.work(true);
            }
            Report::Message(data) => {
                let (payload, size) = self.read(&data);
                let arrival = Arrival::Whole(payload);
                // Looking at the clock costs as much as all the rest of this.
                let now = if self.host.machine(|machine| machine.watches()) {
                    clock::now()
                } else {
                    Time::default()
                };
                if self.host.machine(|machine| machine.message(generation, size, now)) {
                    self.deliver(VecDeque::from([arrival]));
                } else {
                    self.arrivals.borrow_mut().push_back(arrival);
                    self.work(true);
                }
            }
            Report::Error => self.handle(Input::Error(generation)),
            Report::Closed(close) => {
                self.release_socket(generation);
                // The policy is user code and may send: nothing goes out on a socket that is gone.
                self.feed(Input::Closing(generation));
                if self.row.get().is_open() {
                    self.end_row();
                    self.late_end.replace(Some((generation, close)));
                } else {
                    self.closed(generation, close);
                }
            }
        }
    }

    fn closed(&self, generation: Generation, close: Close) {
        let retry = self.host.retry(&close);
        self.handle(Input::Closed {
            generation,
            close,
            retry,
        });
    }

    /// The same of an end that came behind a row.
    fn tell_late_end(&self) {
        let end = self.late_end.take();
        if let Some((generation, close)) = end {
            self.closed(generation, close);
        }
    }

    fn opened(&self, generation: Generation) {
        let Some(socket) = self.raw() else {
            return;
        };
        if self.host.machine(|machine| machine.is_durable()) && socket.protocol() != session::PROTOCOL {
            self.handle(Input::WrongProtocol(generation));
        } else {
            self.host.connected(&socket);
            self.handle(Input::Opened(generation));
        }
    }

    /// Takes in a frame of a session. Its messages wait among the arrivals.
    fn read_frame(&self, generation: Generation, data: &JsValue, now: Time) {
        let frame = Arc::new(self.read(data).0);
        let (first, extents) = match &*frame {
            Payload::Text(text) => match packing::unpack_text(text) {
                Ok(messages) => messages,
                Err(Malformed) => return self.feed(Input::Malformed(generation)),
            },
            Payload::Bytes(bytes) => {
                let batch = self.host.machine(|machine| {
                    let batch = machine.frame(generation, bytes, now)?;
                    Some((batch.first, packing::unpack_batch(bytes, &batch)))
                });
                let Some(messages) = batch else {
                    return;
                };
                messages
            }
        };
        let sizes: Vec<usize> = extents.iter().map(Extent::len).collect();
        let arrivals = extents.into_iter().map(|extent| Arrival::Part {
            frame: frame.clone(),
            extent,
        });
        self.arrivals.borrow_mut().extend(arrivals);
        self.host
            .machine(|machine| machine.batch(generation, first, &sizes, now));
    }

    /// What arrived, and its size: UTF-16 units of a text, bytes of anything else.
    fn read(&self, data: &JsValue) -> (Payload, usize) {
        match text::length(data) {
            Some(units) => (Payload::Text(self.texts.read(data.unchecked_ref(), units)), units),
            None => {
                let bytes = Uint8Array::new(data).to_vec();
                let size = bytes.len();
                (Payload::Bytes(bytes), size)
            }
        }
    }

    fn deliver(&self, arrivals: VecDeque<Arrival>) {
        let size = arrivals.iter().map(Arrival::len).sum();
        let waits = self.waits_for_row(size);
        self.host.deliver(arrivals, !waits);
    }

    /// Whether a message that came is one of a row, and the end of the turn soon enough for whoever takes it.
    fn waits_for_row(&self, size: usize) -> bool {
        if !self.host.machine(|machine| machine.lends_room()) || !self.host.is_awaited() {
            return false;
        }
        let mut row = self.row.get();
        if !row.is_open() {
            let begins = row.begins(clock::now());
            self.row.set(row);
            if !begins || !self.turn.borrow_mut().request() {
                return false;
            }
        }
        let waits = row.joins(size);
        self.row.set(row);
        waits
    }

    /// What came in a row is taken now, and what that answers goes out with whatever is held: the driver is woken right behind.
    fn end_row(&self) {
        let mut row = self.row.get();
        row.end(clock::now());
        self.row.set(row);
        self.stop_holding();
        self.host.wake();
    }

    fn abandon(&self, generation: Generation) {
        self.host.forget_url();
        self.release_socket(generation);
    }

    fn release_socket(&self, generation: Generation) {
        let mut slot = self.socket.borrow_mut();
        if slot.as_ref().is_some_and(|socket| socket.generation() == generation) {
            slot.take();
        }
    }

    /// Sees to it that what is about to go out may. The browser tells nobody when a socket begins to close; it is seen only by
    /// looking: once while something is to go out, and each time before something does, since user code may close it. What goes
    /// out in one run of the loop is one: all of it is held, or nothing.
    fn prepare_to_send(&self, has_looked: &mut bool, holds: &mut Option<bool>) {
        let (looks, may_hold, generation) = self.host.machine(|machine| {
            let sends = machine.is_sending();
            let looks = sends || (!*has_looked && machine.is_writable() && machine.has_outbox());
            (looks, sends && machine.may_hold(), machine.generation())
        });
        if may_hold && self.holds.get() {
            *holds = Some(true);
            return;
        }
        if !looks {
            return;
        }
        *has_looked = true;
        if !self.socket.borrow().as_ref().is_some_and(Socket::takes_messages) {
            self.feed(Input::Closing(generation));
        } else if may_hold {
            holds.get_or_insert_with(|| self.gathers());
        }
    }

    /// Whether what is about to go out had better wait for the turn's end, because so much goes out these days.
    fn gathers(&self) -> bool {
        let now = clock::now();
        if now < self.gather_until.get() && (self.row.get().is_open() || self.turn.borrow_mut().request()) {
            self.holds.set(true);
            return true;
        }
        self.gather_until.set(now + GATHER);
        false
    }

    /// Asks for the end of the turn where something waits for it: asking makes a round trip some 15 µs longer. True where this
    /// runtime can't be asked.
    fn ends_turn_at_once(&self) -> bool {
        if self.turn_due.get().is_none() || !self.host.machine(|machine| machine.waits_for_turn()) {
            return false;
        }
        self.turn_due.take();
        !self.turn.borrow_mut().request()
    }

    /// Whatever the browser reports begins a turn; only messages may come several in one, and those close to each other.
    fn notice_turn(&self, now: Time) {
        self.end_turn_after(GATHER, now);
    }

    /// What is about to go out so long after a frame belongs to another turn, as a rule, and is no row in any case.
    fn notice_late_message(&self) {
        if self.turn_due.get().is_some() && self.host.machine(|machine| machine.waits_for_turn()) {
            self.end_turn_after(FLOW, clock::now());
        }
    }

    fn end_turn_after(&self, span: Duration, now: Time) {
        if self.turn_due.get().is_some_and(|began| now.since(began) >= span) {
            self.turn_due.take();
            self.host.machine(|machine| machine.handle(Input::TurnEnded, now));
        }
    }

    fn turn_ended(&self) {
        self.tell_late_end();
        if self.row.get().is_open() {
            return self.end_row();
        }
        let before = self.host.machine(|machine| machine.sent());
        self.stop_holding();
        self.handle(Input::TurnEnded);
        // One message is no row: waiting was in vain.
        if self.host.machine(|machine| machine.sent()) - before > 1 {
            self.gather_until.set(self.gather_until.get() + FLOW);
        }
    }

    /// What was held is for the loop to send.
    fn stop_holding(&self) {
        self.holds.set(false);
        self.gather_until.set(Time::default());
    }

    /// A timer that is set for earlier stays: firing early is harmless, and arming costs.
    fn set_timer(&self, deadline: Option<Time>) {
        let Some(deadline) = deadline else {
            self.timer.take();
            return;
        };
        let mut timer = self.timer.borrow_mut();
        if timer.as_ref().is_none_or(|timer| deadline < timer.deadline()) {
            let this = self.this.clone();
            *timer = Some(Timer::set(deadline, move || {
                if let Some(reactor) = this.upgrade() {
                    reactor.timer_fired();
                }
            }));
        }
    }

    fn timer_fired(&self) {
        self.timer.take();
        // Before the timer, which may begin to wait for the end of this very turn.
        self.notice_turn(clock::now());
        if self.sleep.slept() {
            self.feed(Input::Page(Signal::Woke));
        }
        self.handle(Input::Timer);
    }

    /// A handle of the socket's own, so that nothing is borrowed while it is used.
    fn raw(&self) -> Option<WebSocket> {
        self.socket.borrow().as_ref().map(|socket| socket.raw().clone())
    }
}

/// What a callback is for.
#[derive(Clone, Copy)]
enum Cue {
    Socket(Generation, socket::Cue),
    Page(page::Cue),
    Turn,
}

fn callback<H: Host>(reactor: &Weak<Reactor<H>>, cue: Cue) -> Callback {
    let reactor = reactor.clone();
    Closure::new(move |event| {
        if let Some(reactor) = reactor.upgrade() {
            reactor.heard(cue, event);
        }
    })
}
