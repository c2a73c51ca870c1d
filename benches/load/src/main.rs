//! The command `tautline-load`: puts `tautline-echo` under load, and says what that costs the server. It reads /proc and
//! binds processes to cores, so it runs on Linux only.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
mod load;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    {
        load::run()
    }
    #[cfg(not(target_os = "linux"))]
    {
        eprintln!("tautline-load runs on Linux only");
        ExitCode::FAILURE
    }
}
