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
use super::server::{soon, url};

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
            // Otherwise the last handle that it held is dropped right here.
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

#[wasm_bindgen_test]
async fn a_retry_policy_may_use_the_socket() {
    let held: Rc<RefCell<Option<Socket<String>>>> = Rc::default();
    let inside = held.clone();
    let socket = Socket::<String>::builder(url("/echo?close=4000&after=1"))
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
}
