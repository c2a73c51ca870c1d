//! `cargo xtask demo`: the demo page on this machine. Called by main.rs.

use anyhow::{Result, bail};

use crate::package;
use crate::process;
use crate::report;
use crate::server::{self, Server};
use crate::setup::{self, BUILD};

/// Builds what is missing, serves the page until Ctrl-C, and gives the server's exit status.
pub(crate) fn demo(port: u16) -> Result<u8> {
    if server::taken(port) {
        bail!("port {port} is taken: try `cargo xtask demo --port 0`, which picks a free one, or name another");
    }
    let toolbox = setup::prepare(&BUILD)?;
    package::build(&toolbox)?;
    report::heading("server");
    let binary = server::build(&toolbox)?;
    let server = Server::start(&toolbox, &binary, port, None)?;
    println!("the demo page, until Ctrl-C:");
    println!("{}/", server.url());
    let status = server.wait()?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(process::INTERRUPTED))
}
