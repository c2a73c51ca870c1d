//! The server as its clients see it, over real sockets. One binary, one module for each side of it.

mod client;

mod control;
mod durable;
mod echo;
mod faults;
mod handshake;
mod limits;
mod routes;
mod stop;
mod work;
