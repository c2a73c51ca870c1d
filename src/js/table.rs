//! Where the engines are: JavaScript knows them by number. What wasm-bindgen has for objects would be a third of a page's
//! JavaScript that is not the face.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use spin::Mutex;

use super::Engine;

/// How many there ever were. No number comes twice: a socket that is gone can't speak for another.
static MADE: AtomicU32 = AtomicU32::new(0);
/// The one that was used last comes last.
static ENGINES: Mutex<Vec<(u32, Box<Engine>)>> = Mutex::new(Vec::new());

/// The engine's number.
pub(super) fn add(engine: Box<Engine>) -> u32 {
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    keep(number, engine);
    number
}

/// Lets an engine act; nothing where there is none of this number. It is out of the table meanwhile: should it trap, the
/// others go on.
pub(super) fn with<T>(number: u32, act: impl FnOnce(&mut Engine) -> T) -> Option<T> {
    let mut engine = take(number)?;
    let answer = act(&mut engine);
    keep(number, engine);
    Some(answer)
}

/// Takes the engine out.
pub(super) fn take(number: u32) -> Option<Box<Engine>> {
    let mut engines = ENGINES.lock();
    let place = engines.iter().rposition(|&(its, _)| its == number)?;
    Some(engines.swap_remove(place).1)
}

fn keep(number: u32, engine: Box<Engine>) {
    ENGINES.lock().push((number, engine));
}
