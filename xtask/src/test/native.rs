//! `cargo xtask test native`: what cargo tests on this machine, doctests included. Called by test.

use std::time::Duration;

use anyhow::Result;

use super::count::{self, Count};
use crate::process;
use crate::project;
use crate::setup::Toolbox;

/// Compiling everything from nothing is in it.
const LIMIT: Duration = Duration::from_secs(30 * 60);

pub(super) fn run(toolbox: &Toolbox) -> Result<Count> {
    let mut command = toolbox.command(project::cargo());
    command.args(["test", "--workspace", "--no-fail-fast"]);
    process::keep_colours(&mut command);
    let mut total = Count::default();
    let status = process::stream(&mut command, LIMIT, |line| {
        if let Some(count) = count::test_result(line) {
            total.add(count);
        }
    })?;
    Ok(total.with_status(status.success()))
}
