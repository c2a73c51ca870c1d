//! `cargo xtask fuzz`: damaged frames and conversations for as long as one likes. The work is in `tests/session_fuzz.rs`,
//! which also keeps what it finds. Called by main.rs.

use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::project;

pub(crate) fn fuzz(minutes: u64) -> Result<()> {
    let mut command = Command::new(project::cargo());
    command
        .args(["test", "--release", "--package", "tautline", "--no-default-features"])
        .args(["--features", "hub", "--test", "session_fuzz", "--", "--nocapture"])
        .env("TAUTLINE_FUZZ_MINUTES", minutes.to_string())
        .current_dir(project::root());
    process::keep_colours(&mut command);
    process::run(&mut command, "fuzzing")
}
