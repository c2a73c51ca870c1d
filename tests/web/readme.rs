//! The Rust example of README.md, as it is printed there (`tests/readme.rs` compares), and run.

use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{soon, url};

#[rustfmt::skip]
mod example {
    // From README.md:
    use serde::{Deserialize, Serialize};
    use tautline::Socket;

    #[derive(Serialize, Deserialize)]
    struct Chat {
        text: String,
    }

    pub(super) async fn greet(url: &str) -> Result<String, Box<dyn std::error::Error>> {
        let socket = Socket::<Chat>::builder(url).connect()?; // returns at once
        let (mut sender, mut receiver) = socket.split();
        sender.send(Chat { text: "hello, world".into() }).await?; // waits while the outbox is full
        let Some(answer) = receiver.next().await else {
            return Err(socket.closed().await.into()); // closed for good, and why
        };
        Ok(answer?.text)
    }
    // Until here.
}

#[wasm_bindgen_test]
async fn the_example_runs() {
    assert_eq!(
        soon("the answer", example::greet(&url("/echo"))).await.unwrap(),
        "hello, world"
    );
    let error = example::greet(&url("/echo?close=1002&after=0")).await.unwrap_err();
    assert!(error.to_string().contains("1002"), "{error}");
}
