//! Tautline's own: what is asked of it as something grows, as in page/growth.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{self, Either};
use tautline::{Event, Inbox, Outbox, Reconnect};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsError, JsValue};

use crate::Result;
use crate::clients::{Chosen, Client, Receiver};
use crate::clock::now;
use crate::payload::{Items, Payload};
use crate::works::check;

#[wasm_bindgen]
extern "C" {
    /// The `Course` of page/growth/reconnects.js.
    pub type Course;

    /// Where the attempt of this number connects to.
    #[wasm_bindgen(method)]
    async fn url(this: &Course, number: u32) -> JsValue;

    /// One more connection is gone, and counted. Whether it was the last.
    #[wasm_bindgen(method)]
    async fn gone(this: &Course) -> JsValue;
}

/// Accepts so many messages before there is a connection, then sends them and has them back: the milliseconds of both.
#[wasm_bindgen]
pub async fn fill_and_drain(url: &str, count: u32) -> Result<Vec<f64>> {
    let messages = count as usize;
    let outbox = Outbox {
        messages,
        ..Outbox::default()
    };
    let inbox = Inbox {
        messages: messages.max(4096),
        ..Inbox::default()
    };
    let socket = Chosen::builder::<Items>(url).outbox(outbox).inbox(inbox).connect()?;
    let (sender, mut receiver) = socket.split();
    // Nothing is open before this turn ends.
    let start = now();
    for n in 1..=count {
        sender.try_send(Items.message(n))?;
    }
    let accepting = now() - start;
    if socket.stats().outbox.messages != messages {
        return Err(JsError::new(&format!("not all {count} messages were in the outbox")));
    }

    socket.opened().await?;
    let opened = now();
    for due in 1..=count {
        check(receiver.receive(&Items).await?, due)?;
    }
    let draining = now() - opened;
    sender.close(1000, "").await?;
    Ok(vec![accepting, draining])
}

/// One socket that comes back, and sends one message over each connection, until its course is over. The server may close before
/// it has sent the echo; where the socket is durable, that comes over the next connection then, and the next message waits for it.
#[wasm_bindgen]
pub async fn come_back(course: Course) -> Result<()> {
    let course = Rc::new(course);
    let asked = course.clone();
    let at_once = Reconnect {
        min_delay: Duration::ZERO,
        max_delay: Duration::ZERO,
        ..Reconnect::default()
    };
    let socket = Chosen::builder::<Items>("")
        .url_with(move |attempt| {
            let asked = asked.clone();
            async move { asked.url(attempt.number).await.as_string().ok_or("no text") }
        })
        .reconnect(at_once)
        .connect()?;
    let mut events = socket.events();
    let (sender, mut receiver) = socket.split();
    let mut is_unused = false;
    let (mut sent, mut due) = (0, 1);
    loop {
        if is_unused && due > sent {
            is_unused = false;
            sent += 1;
            sender.try_send(Items.message(sent))?;
        }
        match future::select(pin!(receiver.receive(&Items)), pin!(events.next())).await {
            Either::Left((message, _)) => {
                check(message?, due)?;
                due += 1;
            }
            Either::Right((Some(Event::Open { .. }), _)) => is_unused = true,
            Either::Right((Some(Event::Disconnected { code, .. }), _)) => {
                is_unused = false;
                if due <= sent && !Chosen::DURABLE {
                    return Err(JsError::new(&format!(
                        "the connection closed with {code} before the echo"
                    )));
                }
                if course.gone().await.is_truthy() {
                    break;
                }
            }
            Either::Right((None | Some(Event::Closed), _)) => return Err(JsError::new("the socket closed for good")),
            Either::Right(_) => {}
        }
    }
    sender.close(1000, "").await?;
    Ok(())
}
