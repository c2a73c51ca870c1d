//! The works, the same for every client: each is written once, as an application would have it on the two ends of a
//! connection. Messages are numbered from 1 in each, and every one that comes has to be the one that is due, unless the
//! connection is cut.

use std::cell::Cell;
use std::convert::Infallible;
use std::ops::RangeInclusive;
use std::pin::pin;

use futures_util::future::{self, Either};
use futures_util::lock::Mutex;
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::JsError;

use crate::Result;
use crate::clients::{Client, Coded, Ends, Receiver, Sender};
use crate::clock::now;
use crate::trial::Trial;

/// How often a busy channel sends what is due by then, in milliseconds. A browser's timers come no more often.
const TICK: u32 = 4;
/// Numbers above this one are round trips on a busy channel.
const PROBES: u32 = 1 << 31;

/// Milliseconds until `count` messages went to the server and came back.
pub(crate) async fn echo<C: Client, P: Coded>(
    ends: &mut Ends<P, C>,
    payload: &P,
    count: u32,
    in_flight: u32,
) -> Result<f64> {
    let start = now();
    if C::DURABLE {
        // Its backpressure is all there is.
        let Ends { sender, receiver } = ends;
        future::try_join(send(sender, payload, count), take(receiver, payload, 1..=count)).await?;
        return Ok(now() - start);
    }
    let mut next = 1;
    for due in 1..=count {
        while next <= count && next - due < in_flight {
            ends.sender.send(payload.message(next)).await?;
            next += 1;
        }
        check(ends.receiver.receive(payload).await?, due)?;
    }
    Ok(now() - start)
}

/// Milliseconds until the server's messages were there, from the one on that asks for them.
pub(crate) async fn push<C: Client, P: Coded>(ends: &mut Ends<P, C>, payload: &P, count: u32) -> Result<f64> {
    let start = now();
    send(&mut ends.sender, payload, 1).await?;
    take(&mut ends.receiver, payload, 1..=count).await?;
    Ok(now() - start)
}

/// Milliseconds until the server said that it has `count` messages.
pub(crate) async fn out<C: Client, P: Coded>(ends: &mut Ends<P, C>, payload: &P, count: u32) -> Result<f64> {
    let start = now();
    send(&mut ends.sender, payload, count).await?;
    check(ends.receiver.receive(payload).await?, count)?;
    Ok(now() - start)
}

/// Microseconds of each of `count` round trips, one after the other.
pub(crate) async fn round_trips<C: Client, P: Coded>(
    ends: &mut Ends<P, C>,
    payload: &P,
    count: u32,
) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(count as usize);
    for n in 1..=count {
        let start = now();
        ends.sender.send(payload.message(n)).await?;
        check(ends.receiver.receive(payload).await?, n)?;
        times.push((now() - start) * 1000.0);
    }
    Ok(times)
}

/// The same while others go the same way, `per_second` of them.
pub(crate) async fn round_trips_busy<C: Client, P: Coded>(
    ends: &mut Ends<P, C>,
    payload: &P,
    count: u32,
    per_second: u32,
) -> Result<Vec<f64>> {
    let Ends { sender, receiver } = ends;
    let sender = Mutex::new(sender);
    let sent = Cell::new(0);
    let mut taken = 0;
    let times = match future::select(
        pin!(probe(&sender, receiver, payload, count, &mut taken)),
        pin!(flow(&sender, payload, per_second, &sent)),
    )
    .await
    {
        Either::Left((times, _)) => times?,
        Either::Right((Err(error), _)) => return Err(error),
    };
    // The rest, so that the channel is as it was.
    take(receiver, payload, taken + 1..=sent.get()).await?;
    Ok(times)
}

/// Sends so many messages a second until it is dropped, and tells how many it has sent.
async fn flow<P: Coded>(
    sender: &Mutex<&mut impl Sender<P>>,
    payload: &P,
    per_second: u32,
    sent: &Cell<u32>,
) -> Result<Infallible> {
    let start = now();
    loop {
        TimeoutFuture::new(TICK).await;
        let due = ((now() - start) / 1000.0 * f64::from(per_second)) as u32;
        let mut sender = sender.lock().await;
        while sent.get() < due {
            sender.send(payload.message(sent.get() + 1)).await?;
            sent.set(sent.get() + 1);
        }
    }
}

/// Makes round trips amid others' messages, and counts those.
async fn probe<P: Coded>(
    sender: &Mutex<&mut impl Sender<P>>,
    receiver: &mut impl Receiver<P>,
    payload: &P,
    count: u32,
    taken: &mut u32,
) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(count as usize);
    for probe in PROBES + 1..=PROBES + count {
        let start = now();
        sender.lock().await.send(payload.message(probe)).await?;
        loop {
            let number = receiver.receive(payload).await?;
            if number == probe {
                break;
            }
            *taken += 1;
            check(number, *taken)?;
        }
        times.push((now() - start) * 1000.0);
    }
    Ok(times)
}

/// Sends a message every so many milliseconds, until one is back: whichever outlived the cut.
pub(crate) async fn reach<C: Client, P: Coded>(ends: &mut Ends<P, C>, payload: &P, every: u32) -> Result<()> {
    let Ends { sender, receiver } = ends;
    let probing = async {
        for n in 1.. {
            TimeoutFuture::new(every).await;
            sender.send(payload.message(n)).await?;
        }
        Ok(())
    };
    match future::select(pin!(receiver.receive(payload)), pin!(probing)).await {
        Either::Left((arrived, _)) => arrived.map(drop),
        Either::Right((ended, _)) => ended,
    }
}

/// Sends what is due every so many milliseconds, and tells what arrives, until that is over.
pub(crate) async fn endure<C: Client, P: Coded>(
    ends: &mut Ends<P, C>,
    payload: &P,
    trial: &Trial,
    every: u32,
) -> Result<()> {
    let Ends { sender, receiver } = ends;
    let sending = async {
        let mut sent = 0;
        while !trial.is_over() {
            let due = trial.due();
            while sent < due {
                sent += 1;
                sender.send(payload.message(sent)).await?;
            }
            TimeoutFuture::new(every).await;
        }
        Ok(())
    };
    let taking = async {
        while !trial.arrived(receiver.receive(payload).await?) {}
        Ok(())
    };
    future::try_join(sending, taking).await.map(drop)
}

async fn send<P: Coded>(sender: &mut impl Sender<P>, payload: &P, count: u32) -> Result<()> {
    for n in 1..=count {
        sender.send(payload.message(n)).await?;
    }
    Ok(())
}

async fn take<P: Coded>(receiver: &mut impl Receiver<P>, payload: &P, due: RangeInclusive<u32>) -> Result<()> {
    for n in due {
        check(receiver.receive(payload).await?, n)?;
    }
    Ok(())
}

pub(crate) fn check(number: u32, due: u32) -> Result<()> {
    if number == due {
        return Ok(());
    }
    Err(JsError::new(&format!("message {due} was due, and {number} came")))
}
