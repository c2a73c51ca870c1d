//! What `tautline-echo` is held against: the echo server as tokio-tungstenite's own example has it, by its defaults.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, future};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Error;

/// Serves for ever.
pub(crate) fn run() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("listening on http://{}", listener.local_addr()?);
        loop {
            let (tcp, _) = listener.accept().await?;
            tokio::spawn(echo(tcp));
        }
    })
}

async fn echo(tcp: TcpStream) -> Result<(), Error> {
    tcp.set_nodelay(true)?;
    let socket = tokio_tungstenite::accept_async(tcp).await?;
    let (write, read) = socket.split();
    // It flushes when there is nothing to read, not after each message.
    read.try_filter(|message| future::ready(message.is_text() || message.is_binary()))
        .forward(write)
        .await
}
