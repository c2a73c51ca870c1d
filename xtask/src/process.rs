//! Other programs: start them, stream what they print, stop them with everything they started.
//!
//! Each runs in a process group of its own, so that a test runner goes together with its driver and its browser. The
//! groups are listed in one place; Ctrl-C and SIGTERM stop every listed group. Called by everything that runs a program.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a program may take to end when asked to.
const GRACE: Duration = Duration::from_secs(8);

/// The exit status of a command that Ctrl-C ended, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

static STOPPING: AtomicBool = AtomicBool::new(false);
static GROUPS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// How insistently a group is asked to end.
#[derive(Clone, Copy)]
enum Stop {
    Ask,
    Kill,
}

/// A program that runs, and everything it started. Dropping it ends them all.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Asks the group to end and waits for it; kills what is left after a while.
    pub(crate) fn stop(mut self) -> Result<ExitStatus> {
        signal(self.child.id(), Stop::Ask);
        if cfg!(not(unix)) {
            let _ = self.child.kill();
        }
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        Ok(self.child.wait()?)
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let id = self.child.id();
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            signal(id, Stop::Ask);
            let deadline = Instant::now() + Duration::from_secs(3);
            while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
                thread::sleep(Duration::from_millis(20));
            }
        }
        // The program itself has ended or had its time; what it left behind goes now.
        signal(id, Stop::Kill);
        let _ = self.child.kill();
        let _ = self.child.wait();
        groups().retain(|group| *group != id);
    }
}

/// Makes Ctrl-C, SIGTERM and SIGHUP end what runs and let this program finish; a second one ends it at once.
pub(crate) fn catch_signals() -> Result<()> {
    ctrlc::set_handler(|| {
        let again = STOPPING.swap(true, Ordering::SeqCst);
        signal_all(if again { Stop::Kill } else { Stop::Ask });
        if again {
            std::process::exit(i32::from(INTERRUPTED));
        }
        thread::spawn(|| {
            thread::sleep(GRACE + Duration::from_secs(4));
            signal_all(Stop::Kill);
            std::process::exit(i32::from(INTERRUPTED));
        });
    })
    .context("cannot listen for Ctrl-C")
}

/// Whether someone asked this program to end.
pub(crate) fn interrupted() -> bool {
    STOPPING.load(Ordering::SeqCst)
}

/// Starts a program in a group of its own, without standard input.
pub(crate) fn spawn(command: &mut Command) -> Result<Running> {
    if interrupted() {
        bail!("interrupted");
    }
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let name = command.get_program().to_string_lossy().into_owned();
    // Listed before the lock is released, so that a Ctrl-C in between finds it.
    let mut groups = groups();
    let child = command
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    groups.push(child.id());
    Ok(Running { child })
}

/// Runs a program to its end; its output is ours. Fails when it does.
pub(crate) fn run(command: &mut Command, what: &str) -> Result<()> {
    let status = spawn(command)?.wait()?;
    if interrupted() {
        bail!("{what} was interrupted");
    }
    if !status.success() {
        bail!("{what} failed ({status}); its own words are above");
    }
    Ok(())
}

/// What a short program prints on standard output; an error carries what it said on standard error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}): {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a program with its output in `log`, calling `tick` every second; a failure carries the end of the log.
pub(crate) fn run_logged(command: &mut Command, log: &Path, mut tick: impl FnMut(Duration)) -> Result<()> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let name = command.get_program().to_string_lossy().into_owned();
    let mut running = spawn(command.stdout(file.try_clone()?).stderr(file))?;
    let started = Instant::now();
    let mut next = Duration::from_secs(1);
    let status = loop {
        if let Some(status) = running.try_wait()? {
            break status;
        }
        thread::sleep(Duration::from_millis(50));
        if started.elapsed() >= next {
            tick(started.elapsed());
            next += Duration::from_secs(1);
        }
    };
    if interrupted() {
        bail!("interrupted");
    }
    if !status.success() {
        bail!(
            "{name} failed ({status}). The end of {}:\n{}",
            log.display(),
            tail(log, 25)
        );
    }
    Ok(())
}

/// Runs a program, passes its standard output on as it comes, and hands each whole line to `line`. Ends it after `limit`.
pub(crate) fn stream(command: &mut Command, limit: Duration, mut line: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut running = spawn(command.stdout(Stdio::piped()))?;
    let id = running.id();
    let mut output = running.stdout.take().context("the program's output is not piped")?;
    let (done, watch) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        let late = watch.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        if late {
            signal(id, Stop::Ask);
            thread::sleep(Duration::from_secs(2));
            signal(id, Stop::Kill);
        }
        late
    });

    let mut pending = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let read = match output.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("cannot read the program's output"),
        };
        let Some(new) = chunk.get(..read) else { break };
        let mut stdout = io::stdout().lock();
        stdout.write_all(new)?;
        stdout.flush()?;
        pending.extend_from_slice(new);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let whole: Vec<u8> = pending.drain(..=end).collect();
            line(String::from_utf8_lossy(&whole).trim_end());
        }
    }
    if !pending.is_empty() {
        line(&String::from_utf8_lossy(&pending));
        println!();
    }
    let status = running.wait()?;
    drop(done);
    if watchdog.join().unwrap_or(false) {
        bail!("ended after {} minutes without a result", limit.as_secs() / 60);
    }
    if interrupted() {
        bail!("interrupted");
    }
    Ok(status)
}

/// The last lines of a file; empty when there are none.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let text = fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let mut last = VecDeque::with_capacity(lines);
    for line in text.lines() {
        if last.len() == lines {
            last.pop_front();
        }
        last.push_back(format!("    {line}"));
    }
    Vec::from(last).join("\n")
}

/// Tells cargo to colour its messages when ours are read by a person: piped, it could not know.
pub(crate) fn keep_colours(command: &mut Command) {
    if crate::report::coloured() && io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
}

fn groups() -> std::sync::MutexGuard<'static, Vec<u32>> {
    // A list of numbers is whole whatever happened to the thread that held it.
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signal_all(stop: Stop) {
    for group in groups().iter() {
        signal(*group, stop);
    }
}

#[cfg(unix)]
fn signal(group: u32, stop: Stop) {
    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    let signal = match stop {
        Stop::Ask => Signal::SIGTERM,
        Stop::Kill => Signal::SIGKILL,
    };
    if let Ok(group) = i32::try_from(group) {
        // An error means that the group is gone, which is what was wanted.
        let _ = killpg(Pid::from_raw(group), signal);
    }
}

#[cfg(not(unix))]
fn signal(_group: u32, _stop: Stop) {
    // No process groups: Ctrl-C reaches the children by itself, and dropping `Running` kills the program.
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn streaming_hands_over_whole_lines_and_the_rest() {
        let mut lines = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "printf 'one\\ntwo'; exit 3"]);
        let status = stream(&mut command, Duration::from_secs(10), |line| {
            lines.push(line.to_owned());
        });
        assert_eq!(status.ok().and_then(|status| status.code()), Some(3));
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn a_program_past_its_limit_is_ended_with_what_it_started() {
        let started = Instant::now();
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & sleep 60"]);
        assert!(stream(&mut command, Duration::from_millis(100), |_| ()).is_err());
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn dropping_ends_the_program() -> Result<()> {
        let started = Instant::now();
        drop(spawn(Command::new("sleep").arg("60"))?);
        assert!(started.elapsed() < Duration::from_secs(5));
        Ok(())
    }
}
