//! The command `tautline-load`: puts `tautline-echo` under load, and says what that costs the server.
//!
//! - compare: echo, side by side with a plain tokio-tungstenite server.
//! - idle: sessions that are held and do nothing.
//! - echo: one load, on a server that runs or one of its own.
//! - baseline: the plain tokio-tungstenite server.
//! - server: server processes, the core they run on, and what /proc says of them.
//! - wire, plain, durable: connections, and the two ways to talk over one.
//! - numbers: medians, and how numbers are written.

#[cfg(target_os = "linux")]
mod baseline;
#[cfg(target_os = "linux")]
mod compare;
#[cfg(target_os = "linux")]
mod durable;
#[cfg(target_os = "linux")]
mod echo;
#[cfg(target_os = "linux")]
mod flags;
#[cfg(target_os = "linux")]
mod idle;
#[cfg(target_os = "linux")]
mod numbers;
#[cfg(target_os = "linux")]
mod plain;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod texts;
#[cfg(target_os = "linux")]
mod wire;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    flags::run()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("tautline-load reads /proc: it runs on Linux only");
    std::process::ExitCode::FAILURE
}
