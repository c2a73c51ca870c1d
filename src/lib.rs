//! WebSockets that don't let go.
#![no_std]
