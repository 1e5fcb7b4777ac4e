//! A lab turned into a cluster by the product itself: xdock on the management node, the postscript on each host.

use std::error::Error;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::Duration;

use lab::{Lab, LabName, Spec};
use process::{ExecuteError, Output};

use crate::engine::{Engine, Failure};
use crate::tables::Tables;

/// Long enough for a package installation on two busy cores.
const PROVISION: Duration = Duration::from_secs(400);
/// Long enough for any one command of an administrator.
pub const COMMAND: Duration = Duration::from_secs(90);

/// A host's variables, as a shell reads them.
const VARIABLES: &str = "/run/xdock-variables";

/// Receives progress, one line at a time.
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);

/// A lab whose hosts are docker hosts.
#[derive(Debug)]
pub struct Cluster {
    /// The lab.
    pub lab: Lab,
    /// The tables that it began with.
    pub tables: Tables,
    hosts: u8,
}

/// What a command of the management node did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Exit status.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    fn done(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: 0, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The exit status inside an error, where the command did run.
    fn failed(error: &(dyn Error + 'static)) -> Option<Self> {
        let causes = std::iter::successors(Some(error), |&error| error.source());
        match causes.filter_map(|cause| cause.downcast_ref()).next()? {
            ExecuteError::Status { status, stdout, stderr, .. } => {
                // as a shell reports a signal
                let code = status.code().or_else(|| Some(128 + status.signal()?))?;
                Some(Self { code, stdout: stdout.clone(), stderr: stderr.clone() })
            }
            _ => None,
        }
    }
}

impl AsRef<Lab> for Cluster {
    fn as_ref(&self) -> &Lab {
        &self.lab
    }
}

impl Cluster {
    /// Boots `hosts` bare Debians and lets the product make docker hosts of them.
    ///
    /// # Errors
    /// What did not work; the lab is taken down then.
    pub async fn provision(
        name: &LabName,
        hosts: u8,
        tables: &Tables,
        say: Say<'_>,
    ) -> Result<Self, Failure> {
        Self::provision_as(&Spec::new(name.clone(), hosts), tables, say).await
    }

    /// The same with hosts as `spec` describes them.
    ///
    /// # Errors
    /// As [`Cluster::provision`].
    pub async fn provision_as(spec: &Spec, tables: &Tables, say: Say<'_>) -> Result<Self, Failure> {
        let cluster = Self::bare(spec, tables, say).await?;
        let made = cluster.make_docker_hosts(say).await;
        Ok(cluster.unless_failed(made).await?.0)
    }

    /// Boots bare Debians, with xdock and the tables on the management node and nothing on the hosts.
    ///
    /// # Errors
    /// As [`Cluster::provision`].
    pub async fn bare(spec: &Spec, tables: &Tables, say: Say<'_>) -> Result<Self, Failure> {
        let cluster = Self::without_xdock(spec, tables, say).await?;
        say("xdock init: laying out the postscript on the management node");
        let laid = async {
            cluster.install_xdock().await?;
            cluster.write_tables(tables).await
        };
        let installed = laid.await;
        Ok(cluster.unless_failed(installed).await?.0)
    }

    /// The cluster, and the result of what prepared it. Takes the lab down if that failed.
    ///
    /// # Errors
    /// The error of the preparation, also if the lab cannot be taken down.
    pub async fn unless_failed<T>(self, prepared: Result<T, Failure>) -> Result<(Self, T), Failure> {
        match prepared {
            Ok(result) => Ok((self, result)),
            Err(error) => {
                let _ = self.lab.down().await;
                Err(error)
            }
        }
    }

    /// Boots bare Debians with nothing of xdock on any machine; `tables` are what a trial means to write there.
    ///
    /// # Errors
    /// The lab does not come up.
    pub async fn without_xdock(spec: &Spec, tables: &Tables, say: Say<'_>) -> Result<Self, Failure> {
        let lab = Lab::up_telling(spec, say, std::future::pending()).await?;
        Ok(Self { lab, tables: tables.clone(), hosts: spec.hosts })
    }

    async fn make_docker_hosts(&self, say: Say<'_>) -> Result<(), Failure> {
        say("updatenode -P xdock: Docker, bridge and netd on each host");
        let hosts = self.host_names();
        self.updatenode(&hosts.iter().map(String::as_str).collect::<Vec<_>>(), "xdock unsigned=yes").await?;
        say("loading an image");
        self.each_host(|host| async move { Ok(self.lab.image(&host).await?) }).await
    }

    async fn install_xdock(&self) -> Result<(), Failure> {
        let programs = programs()?;
        self.lab.put("mn", &programs.join("xdock"), "/usr/local/bin/xdock").await?;
        for program in ["xdockhost", "netd"] {
            self.lab.put("mn", &programs.join(program), &format!("/root/xdock/{program}")).await?;
        }
        self.lab.exec("mn", &["xdock", "init", "--from", "/root/xdock"], COMMAND).await?;
        Ok(())
    }

    /// Gives the management node other tables.
    ///
    /// # Errors
    /// Not written.
    pub async fn write_tables(&self, tables: &Tables) -> Result<(), Failure> {
        self.write("mn", "/etc/xdock/cluster.stanza", tables.text()).await
    }

    /// Writes a file on a machine.
    ///
    /// # Errors
    /// Not written.
    pub async fn write(&self, host: &str, path: &str, text: &str) -> Result<(), Failure> {
        let script = format!("mkdir -p \"$(dirname {path})\" && cat > {path}");
        self.lab.exec_with(host, &["sh", "-c", &script], text.into(), COMMAND).await?;
        Ok(())
    }

    /// Runs postscripts on hosts as xCAT's updatenode does: what they said.
    ///
    /// # Errors
    /// A postscript failed; the error has what it said.
    pub async fn updatenode(&self, hosts: &[&str], scripts: &str) -> Result<String, Failure> {
        let runs = tokio::time::timeout(PROVISION, self.lab.updatenode(hosts, scripts)).await??;
        let said: Vec<String> = runs.iter().flat_map(|run| run.lines()).collect();
        if runs.iter().all(|run| run.status == 0) { Ok(said.join("\n")) } else { Err(said.join("\n").into()) }
    }

    /// Runs `xdockhost` on a host with the variables that xCAT would export for these tables, from the host itself: its
    /// network may be down for a moment. Any exit status is an answer.
    ///
    /// # Errors
    /// It did not run or did not end.
    pub async fn xdockhost(&self, tables: &Tables, host: &str, words: &str) -> Result<Ran, Failure> {
        self.export(tables, host).await?;
        self.run(host, &Self::exported(&format!("/opt/xdock/bin/xdockhost {words}"))).await
    }

    /// A line of shell with the variables that [`Cluster::export`] wrote.
    pub fn exported(words: &str) -> String {
        format!(". {VARIABLES}; exec {words}")
    }

    /// Writes the variables of a host where [`Cluster::xdockhost`] reads them.
    ///
    /// # Errors
    /// The tables are wrong, or not written.
    pub async fn export(&self, tables: &Tables, host: &str) -> Result<(), Failure> {
        let inventory = inventory::Inventory::from_stanzas(tables.text())?;
        let text = lab::updatenode::render(&inventory, host, self.lab.host("mn")?.address)?;
        let variables = text.split("# postscripts-start-here").next().unwrap_or_default();
        // xCAT's file changes PATH to the directory that it lies in
        let lines: Vec<&str> = variables.lines().filter(|line| !line.contains("PATH=")).collect();
        self.write(host, VARIABLES, &lines.join("\n")).await
    }

    /// Runs `xdock` on the management node; any exit status is an answer.
    ///
    /// # Errors
    /// It did not run or did not end.
    pub async fn xdock(&self, words: &str) -> Result<Ran, Failure> {
        self.run("mn", &format!("xdock {words}")).await
    }

    /// As [`Cluster::xdock`], where it must end with 0.
    ///
    /// # Errors
    /// Another exit status: what it said.
    pub async fn xdock_done(&self, words: &str) -> Result<String, Failure> {
        let ran = self.xdock(words).await?;
        if ran.code == 0 { Ok(ran.stdout) } else { Err(format!("xdock {words}: {ran:?}").into()) }
    }

    /// Runs a line of shell on a machine; any exit status is an answer.
    ///
    /// # Errors
    /// It did not run or did not end.
    pub async fn run(&self, host: &str, line: &str) -> Result<Ran, Failure> {
        let ended = self.lab.exec(host, &["sh", "-c", line], PROVISION).await;
        ended.map(Ran::done).or_else(|error| Ran::failed(&error).ok_or_else(|| error.into()))
    }

    /// A line of shell on a machine that must succeed: what it wrote.
    ///
    /// # Errors
    /// It failed; the error has its words and stderr.
    pub async fn sh(&self, host: &str, line: &str) -> Result<String, Failure> {
        Ok(self.lab.exec(host, &["sh", "-c", line], COMMAND).await?.text())
    }

    /// The host's engine.
    ///
    /// # Errors
    /// The host is off.
    pub fn engine(&self, host: &str) -> Result<Engine, Failure> {
        let socket = self.lab.host(host)?.docker_socket;
        Ok(Engine::at(&socket.ok_or_else(|| format!("{host} is off"))?))
    }

    /// Names of the hosts.
    pub fn host_names(&self) -> Vec<String> {
        (1..=self.hosts).map(|number| format!("host{number}")).collect()
    }

    /// Does something on all hosts at once.
    ///
    /// # Errors
    /// The first host's error.
    pub async fn each_host<F, W>(&self, work: W) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), Failure>>,
        W: Fn(String) -> F,
    {
        futures_util::future::try_join_all(self.host_names().into_iter().map(work)).await.map(drop)
    }
}

/// Where the programs of this build are: beside ours, which may stand in `deps/`.
///
/// # Errors
/// They are not built.
pub fn programs() -> Result<PathBuf, Failure> {
    let ours = std::env::current_exe()?;
    let beside = ours.ancestors().skip(1).take(2).find(|directory| directory.join("xdockhost").is_file());
    Ok(beside.ok_or("xdock, xdockhost and netd are not built: cargo build --workspace --bins")?.to_owned())
}
