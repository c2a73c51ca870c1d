//! README.md prints the very code that the browser tests run.
#![cfg(not(target_arch = "wasm32"))]

#[test]
fn the_rust_example_is_the_one_that_runs() {
    let readme = include_str!("../README.md");
    let tested = include_str!("web/readme.rs");
    let printed = between(readme, "```rust\n", "```");
    let run = between(tested, "    // From README.md:\n", "    // Until here.")
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or(line).replace("pub(super) ", "") + "\n")
        .collect::<String>();
    assert_eq!(printed, run);
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).expect("the start is there");
    rest.split_once(end).expect("the end is there").0
}
