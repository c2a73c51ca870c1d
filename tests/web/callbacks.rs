//! User code that runs inside the socket's own callbacks, and uses the socket there.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use tautline::codec::Text;
use tautline::{Socket, State};
use wasm_bindgen_test::wasm_bindgen_test;

use super::connecting::quick;
use super::server::{name, soon, until_seen, url};

/// A waker that does everything at once, in the middle of whatever woke it.
struct Busybody(Mutex<Option<(Socket<String>, u32)>>);

impl Wake for Busybody {
    fn wake(self: Arc<Self>) {
        let held = self.0.lock().unwrap().take();
        if let Some((socket, count)) = held {
            assert_eq!(socket.state(), State::Open);
            socket.sender().try_send(format!("from a waker {count}")).unwrap();
            let _ = socket.stats();
            let _ = socket.events();
            if count < 3 {
                *self.0.lock().unwrap() = Some((socket, count + 1));
            }
            // Otherwise its handle is dropped right here.
        }
    }
}

#[wasm_bindgen_test]
async fn a_waker_may_send_and_drop() {
    let socket = Socket::<String>::builder(url("/echo")).codec(Text).connect().unwrap();
    soon("opened", socket.opened()).await.unwrap();
    let (mut sender, mut receiver) = socket.split();
    let busybody = Arc::new(Busybody(Mutex::new(Some((socket, 1)))));
    let waker = Waker::from(busybody.clone());
    let mut sent = 0;
    let mut echoes = Vec::new();
    soon("the busybody has done everything", async {
        while busybody.0.lock().unwrap().is_some() {
            // Registers the busybody, which the delivery then wakes from inside onmessage.
            let next = pin!(receiver.next()).poll(&mut Context::from_waker(&waker));
            match next {
                Poll::Ready(echo) => echoes.push(echo.unwrap().unwrap()),
                Poll::Pending => {
                    sent += 1;
                    sender.send(format!("to wake it {sent}")).await.unwrap();
                    super::server::turn().await;
                }
            }
        }
    })
    .await;
    // Three from inside, and all in order.
    soon("all echoes", async {
        while echoes.len() < sent + 3 {
            echoes.push(receiver.next().await.unwrap().unwrap());
        }
    })
    .await;
    for from in ["from a waker", "to wake it"] {
        let numbers = echoes
            .iter()
            .filter_map(|echo| echo.strip_prefix(from)?.trim().parse::<usize>().ok());
        let count = if from == "from a waker" { 3 } else { sent };
        assert_eq!(numbers.collect::<Vec<_>>(), (1..=count).collect::<Vec<_>>());
    }
}

/// A waker that does one thing to what it holds, once.
struct Once<T, F: Fn(T)>(Mutex<Option<T>>, F);

impl<T: Send + 'static, F: Fn(T) + Send + Sync + 'static> Wake for Once<T, F> {
    fn wake(self: Arc<Self>) {
        let held = self.0.lock().unwrap().take();
        if let Some(held) = held {
            (self.1)(held);
        }
    }
}

type Ends = (Socket<String>, tautline::Sender<String>, tautline::Receiver<String>);

/// Gives a waker every handle of an open socket, and has a message wake it.
async fn woken_with(name: &str, act: impl Fn(Ends) + Send + Sync + 'static) {
    let socket = Socket::<String>::builder(url(&format!("/echo?name={name}")))
        .codec(Text)
        .connect()
        .unwrap();
    soon("opened", socket.opened()).await.unwrap();
    let (mut sender, receiver) = socket.split();
    sender.send("wake up".into()).await.unwrap();
    let once = Arc::new(Once(Mutex::new(Some((socket, sender, receiver))), act));
    let waker = Waker::from(once.clone());
    if let Some((_, _, receiver)) = &mut *once.0.lock().unwrap() {
        assert!(
            pin!(receiver.next())
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    soon("the waker has acted", async {
        while once.0.lock().unwrap().is_some() {
            super::server::turn().await;
        }
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_waker_may_drop_the_last_handle() {
    let name = name();
    woken_with(&name, drop::<Ends>).await;
    let seen = until_seen(&name, |seen| seen.open == 0).await;
    assert_eq!(seen.close.unwrap().code, Some(1000));
}

#[wasm_bindgen_test]
async fn a_waker_may_close() {
    let name = name();
    woken_with(&name, |(socket, ..)| drop(socket.close(4003, "from inside"))).await;
    let seen = until_seen(&name, |seen| seen.open == 0).await;
    let close = seen.close.unwrap();
    assert_eq!((close.code, close.reason.as_str()), (Some(4003), "from inside"));
}

#[wasm_bindgen_test]
async fn a_retry_policy_may_use_the_socket() {
    let held: Rc<RefCell<Option<Socket<String>>>> = Rc::default();
    let inside = held.clone();
    let name = name();
    let socket = Socket::<String>::builder(url(&format!("/echo?close=4000&after=1&name={name}")))
        .codec(Text)
        .reconnect(quick())
        .retry(move |close| {
            assert_eq!(close.code, 4000);
            let socket = inside.borrow_mut().take();
            if let Some(socket) = socket {
                socket.sender().try_send("from the policy".into()).unwrap();
                drop(socket.close(4001, "from the policy"));
            }
            true
        })
        .connect()
        .unwrap();
    held.replace(Some(socket.clone()));
    let (mut sender, _receiver) = socket.split();
    sender.send("begin".into()).await.unwrap();
    let closed = soon("the end", socket.closed()).await;
    // It came back once, to send what was queued.
    assert!(closed.unacknowledged.is_empty(), "{closed:?}");
    assert!(held.borrow().is_none());
    // What the policy sent while there was no socket went out on the next one.
    assert_eq!(until_seen(&name, |seen| seen.open == 0).await.messages, 2);
}
