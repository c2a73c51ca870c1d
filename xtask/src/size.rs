//! `cargo xtask size`: what the npm package costs a page. Called by main.rs.

use anyhow::Result;

use crate::package;
use crate::process;
use crate::project;
use crate::setup::{self, BUILD, Tool};

/// Builds the package and prints the table; fails where it costs more than its budget.
pub(crate) fn size() -> Result<()> {
    let mut tools = BUILD.to_vec();
    // Its bundler is among the dependencies of the package's tests.
    tools.push(Tool::modules_of("package"));
    let toolbox = setup::prepare(&tools)?;
    toolbox.require(&tools)?;
    package::build(&toolbox)?;
    let root = project::root();
    let mut command = toolbox.command("node");
    command.arg(root.join("tests/package/size.mjs")).arg(root.join("pkg"));
    process::run(&mut command, "the measuring of the package")
}
