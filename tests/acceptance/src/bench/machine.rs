//! What the bench's own program does on a machine of the lab, where a process is to be timed without the way there, and
//! bytes are to be sent from inside a namespace.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Subcommand;
use inventory::IfName;
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use super::samples::ms_since;
use crate::engine::Failure;

/// An errand on a machine.
#[derive(Debug, Clone, Subcommand)]
pub enum Errand {
    /// Run a command again and again: the time of each run and the largest memory, as JSON
    Time {
        /// How often
        rounds: usize,
        /// Without a run before that does not count
        #[arg(long)]
        cold: bool,
        /// The words
        #[arg(last = true, required = true)]
        argv: Vec<String>,
    },
    /// Count the bytes of one connection
    Take {
        /// Where to listen
        at: SocketAddr,
    },
    /// Send as much as goes for a while; prints Gbit/s
    Send {
        /// Who takes it
        to: SocketAddr,
        /// How long, in ms
        ms: u64,
    },
    /// Run a program at a terminal and type; prints the median time in ms until a key is echoed
    Type {
        /// The words
        #[arg(last = true, required = true)]
        argv: Vec<String>,
    },
    /// Plug pairs into an Open vSwitch bridge of this machine; prints the median time in ms
    Plug {
        /// The bridge
        bridge: IfName,
        /// How often
        rounds: usize,
    },
    /// Read all names of a node list with SQLite alone
    Select {
        /// nodelist.sqlite
        table: PathBuf,
    },
}

impl Errand {
    /// Does it; what to print.
    ///
    /// # Errors
    /// It could not.
    pub fn run(&self) -> Result<String, Failure> {
        match self {
            Self::Time { rounds, cold, argv } => {
                if !cold {
                    once(argv)?;
                }
                Ok(serde_json::to_string(&Timed::measure(*rounds, argv)?)?)
            }
            Self::Take { at } => take(*at).map(|()| String::new()),
            Self::Send { to, ms } => send(*to, Duration::from_millis(*ms)).map(|rate| format!("{rate:.4}")),
            Self::Type { argv } => super::echo::keys(argv).map(|ms| format!("{ms:.4}")),
            Self::Plug { bridge, rounds } => super::plug::plugs(bridge, *rounds).map(|ms| format!("{ms:.4}")),
            Self::Select { table } => select(table),
        }
    }
}

/// What [`Errand::Time`] found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Timed {
    /// Milliseconds of each run, from before the fork to the end.
    pub(super) ms: Vec<f64>,
    /// The largest resident memory of any run.
    pub(super) peak_kb: i64,
}

impl Timed {
    fn measure(rounds: usize, argv: &[String]) -> Result<Self, Failure> {
        let ms = (0..rounds).map(|_| once(argv)).collect::<Result<_, _>>()?;
        Ok(Self { ms, peak_kb: getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss() })
    }
}

fn once(argv: &[String]) -> Result<f64, Failure> {
    let (program, words) = argv.split_first().ok_or("no command")?;
    let begun = Instant::now();
    let ran = Command::new(program).args(words).stdin(Stdio::null()).output()?;
    let took = ms_since(begun);
    if ran.status.success() {
        return Ok(took);
    }
    Err(format!("{argv:?}: {}: {}", ran.status, String::from_utf8_lossy(&ran.stderr)).into())
}

fn take(at: SocketAddr) -> Result<(), Failure> {
    let (mut stream, _) = TcpListener::bind(at)?.accept()?;
    let mut buffer = vec![0; 256 * 1024];
    let mut total = 0_u64;
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            read => total += read as u64,
        }
    }
    Ok(stream.write_all(&total.to_be_bytes())?)
}

/// Gbit/s as the taker counts: what still stood in buffers at the end is not forgotten.
fn send(to: SocketAddr, during: Duration) -> Result<f64, Failure> {
    let mut stream = connect(to)?;
    let block = vec![0; 256 * 1024];
    let begun = Instant::now();
    while begun.elapsed() < during {
        stream.write_all(&block)?;
    }
    stream.shutdown(Shutdown::Write)?;
    let mut taken = [0; 8];
    stream.read_exact(&mut taken)?;
    Ok(u64::from_be_bytes(taken) as f64 * 8.0 / begun.elapsed().as_secs_f64() / 1e9)
}

/// The taker is started at the same time.
fn connect(to: SocketAddr) -> Result<TcpStream, Failure> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match TcpStream::connect_timeout(&to, Duration::from_secs(2)) {
            Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(format!("cannot connect to {to}: {error}").into()),
            Ok(stream) => return Ok(stream),
        }
    }
}

fn select(table: &std::path::Path) -> Result<String, Failure> {
    let table = rusqlite::Connection::open(table)?;
    let mut query = table.prepare("SELECT node, groups FROM nodelist")?;
    let names = query.query_map([], |row| row.get::<_, String>(0))?;
    Ok(names.collect::<Result<Vec<_>, _>>()?.len().to_string())
}
