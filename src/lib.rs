//! WebSockets that don't let go.
#![no_std]

extern crate alloc;

pub mod proto;
