//! Where this instance's engine is.

use alloc::boxed::Box;

use spin::Mutex;

use super::Engine;

static ENGINE: Mutex<Option<Box<Engine>>> = Mutex::new(None);

pub(super) fn put(engine: Box<Engine>) {
    *ENGINE.lock() = Some(engine);
}

/// Lets the engine act; nothing where there is none. It is out of the table meanwhile: should it trap, nobody waits for it.
pub(super) fn with<T>(act: impl FnOnce(&mut Engine) -> T) -> Option<T> {
    let mut engine = ENGINE.lock().take()?;
    let answer = act(&mut engine);
    *ENGINE.lock() = Some(engine);
    Some(answer)
}
