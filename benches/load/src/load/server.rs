//! Server processes: started, on a core of their own where asked for, and read in /proc. Ended when dropped.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// Who answers, and how it is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// A plain tokio-tungstenite server
    Baseline,
    /// tautline-echo, plain
    Plain,
    /// tautline-echo, in durable sessions
    Durable,
}

impl Subject {
    pub(crate) const ALL: [Self; 3] = [Self::Baseline, Self::Plain, Self::Durable];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "tokio-tungstenite",
            Self::Plain => "tautline-echo, plain",
            Self::Durable => "tautline-echo, durable",
        }
    }

    /// Starts its server.
    pub(crate) fn start(self, echo_server: &Path) -> Result<Server> {
        match self {
            Self::Baseline => Server::start(Command::new(env::current_exe()?).arg("serve-plain")),
            Self::Plain | Self::Durable => Server::start(&mut echo(echo_server)),
        }
    }
}

/// `tautline-echo` on a free port.
pub(crate) fn echo(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.args(["--port", "0", "--log", "error"]);
    command
}

/// Where `tautline-echo` is: where the caller says, or beside this program, built anew.
pub(crate) fn built(path: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = path {
        return Ok(path.into());
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "tautline-echo"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let status = build
        .status()
        .context("can't start cargo: name the server with --server")?;
    if !status.success() {
        bail!("cargo could not build the server");
    }
    Ok(env::current_exe()?.with_file_name("tautline-echo"))
}

pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts a program that prints `listening on http://ADDRESS` first of all.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't start {}", program.display()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim_end().strip_prefix("listening on http://").map(String::from);
        let server = Self {
            child,
            address: address.clone().unwrap_or_default(),
        };
        if address.is_none() {
            bail!("{} does not say where it listens", program.display());
        }
        Ok(server)
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How much processor time it has used, in steps of the system's tick, mostly 10 ms.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name of the program may have spaces and parentheses in it.
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum();
        let per_second = sysconf(SysconfVar::CLK_TCK)?.context("the system has no tick")?;
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }

    /// How much of its memory is in RAM, in bytes: now, and the most there ever was.
    pub(crate) fn memory(&self) -> Result<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
            Some(kilobytes * 1024)
        };
        let both = field("VmRSS:").zip(field("VmHWM:"));
        both.context("/proc/PID/status says nothing of memory")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The cores of this process, divided: one for a server, the rest for the load. Dropped, this thread has them all again.
pub(crate) struct Cores {
    all: CpuSet,
    server: CpuSet,
    load: CpuSet,
}

impl Cores {
    /// # Errors
    /// Where there is only one.
    pub(crate) fn divide() -> Result<Self> {
        let all = sched_getaffinity(Pid::from_raw(0))?;
        let mut cores = (0..CpuSet::count()).filter(|&core| all.is_set(core) == Ok(true));
        let mut divided = Self {
            all,
            server: CpuSet::new(),
            load: CpuSet::new(),
        };
        divided.server.set(cores.next().context("no core")?)?;
        divided.load.set(
            cores
                .next()
                .context("the load needs a core beside the server's, and there is only one")?,
        )?;
        for core in cores {
            divided.load.set(core)?;
        }
        Ok(divided)
    }

    /// Starts something on the server's core. This thread is on the others afterwards.
    pub(crate) fn start(&self, start: impl FnOnce() -> Result<Server>) -> Result<Server> {
        sched_setaffinity(Pid::from_raw(0), &self.server)?;
        let server = start();
        sched_setaffinity(Pid::from_raw(0), &self.load)?;
        server
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        let _ = sched_setaffinity(Pid::from_raw(0), &self.all);
    }
}

/// Lets this process, and those it starts, have so many files open.
pub(crate) fn allow_files(count: u64) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if hard < count {
        bail!(
            "{count} open files are needed, and {hard} allowed: raise it (`ulimit -Hn {count}`), or take fewer sessions"
        );
    }
    if soft < count {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(())
}
