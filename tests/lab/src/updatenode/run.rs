//! Running postscripts on nodes, from the management node over root's ssh, as xCAT does.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use inventory::{Inventory, InventoryError};
use process::ExecuteError;
use thiserror::Error;

use super::render::{RenderError, render};
use crate::exec::ExecError;
use crate::lab::{Lab, LabError};
use crate::name::Member;

/// Why nothing was run.
#[derive(Debug, Error)]
pub enum UpdateError {
    /// No stanza file on the management node.
    #[error("cannot read {} on mn: put the cluster's tables there", STANZA)]
    NoTables(#[source] Box<LabError>),
    /// It is wrong.
    #[error("{} on mn", STANZA)]
    Tables(#[source] Box<InventoryError>),
    /// A node of it.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// As xCAT says it (updatenode.pm).
    #[error("the postscript {} does not exist on mn", .0.display())]
    NoScript(PathBuf),
    /// The node's variables could not be written.
    #[error("cannot write the variables of {node} on mn")]
    Write {
        /// Whose.
        node: Member,
        /// Why.
        #[source]
        source: Box<LabError>,
    },
    /// No script was named.
    #[error("no postscript: name some with -P \"script args,script2 args\"")]
    Nothing,
}

/// The cluster's tables on the management node.
const STANZA: &str = "/etc/xdock/cluster.stanza";

const POSTSCRIPTS: &str = "/install/postscripts";
const QUICK: Duration = Duration::from_secs(20);
/// A postscript may install packages.
const LONG: Duration = Duration::from_secs(900);

/// What the scripts did on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRun {
    /// On which.
    pub node: Member,
    /// What was printed there, both streams.
    pub output: String,
    /// The exit code of the last script that failed, else 0.
    pub status: i32,
}

impl NodeRun {
    /// As xdsh prints it: every line with the node's name.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.output.lines().map(|line| format!("{}: {line}", self.node))
    }
}

impl Lab {
    /// Runs postscripts (`"script args,script2 args"`) on hosts, all hosts at once.
    ///
    /// # Errors
    /// Tables or scripts are missing: then nothing was run. A script that fails is no error but a status.
    pub async fn updatenode(&self, hosts: &[&str], scripts: &str) -> Result<Vec<NodeRun>, LabError> {
        let nodes = hosts.iter().map(|host| self.host(host)).collect::<Result<Vec<_>, _>>()?;
        self.check_scripts(scripts).await?;
        let mn = self.host("mn")?.address;
        let tables = self.tables().await?;
        for node in &nodes {
            let text = render(&tables, &node.name.to_string(), mn).map_err(UpdateError::from)?;
            self.deliver(node.name, text).await?;
        }
        let runs = nodes.iter().map(|node| self.run_scripts(node.name, scripts, format!("{mn}:80")));
        join_all(runs).await.into_iter().collect()
    }

    async fn check_scripts(&self, scripts: &str) -> Result<(), LabError> {
        let names = scripts.split(',').filter_map(|script| script.split_ascii_whitespace().next());
        let names: Vec<&str> = names.collect();
        if names.is_empty() {
            return Err(UpdateError::Nothing.into());
        }
        for name in names {
            let path = PathBuf::from(POSTSCRIPTS).join(name);
            let there = self.exec("mn", &["test", "-f", &path.to_string_lossy()], QUICK).await;
            match there {
                Err(LabError::Exec(ExecError::Run { source: ExecuteError::Status { .. }, .. })) => {
                    return Err(UpdateError::NoScript(path).into());
                }
                other => other.map(drop)?,
            }
        }
        Ok(())
    }

    async fn tables(&self) -> Result<Inventory, LabError> {
        let read = self.exec("mn", &["cat", STANZA], QUICK).await;
        let text = read.map_err(|error| UpdateError::NoTables(error.into()))?;
        let text = String::from_utf8_lossy(&text.stdout).into_owned();
        Inventory::from_stanzas(&text).map_err(|error| UpdateError::Tables(error.into()).into())
    }

    async fn deliver(&self, node: Member, text: String) -> Result<(), LabError> {
        let path = format!("/tftpboot/mypostscripts/mypostscript.{node}");
        let words =
            ["sh", "-ec", "cat >\"$1.new\"; chmod 755 \"$1.new\"; mv \"$1.new\" \"$1\"", "write", &path];
        let written = self.exec_with("mn", &words, text.into_bytes(), QUICK).await;
        written.map(drop).map_err(|source| UpdateError::Write { node, source: source.into() }.into())
    }

    async fn run_scripts(&self, node: Member, scripts: &str, server: String) -> Result<NodeRun, LabError> {
        let name = node.to_string();
        let words = ["sh", "-c", SEND, "updatenode", &name, scripts, &server];
        let (output, status) = match self.exec("mn", &words, LONG).await {
            Ok(said) => (String::from_utf8_lossy(&said.stdout).into_owned(), 0),
            Err(LabError::Exec(ExecError::Run {
                source: ExecuteError::Status { stdout, status, .. },
                ..
            })) => (stdout, status.code().unwrap_or(1)),
            Err(error) => return Err(error),
        };
        Ok(NodeRun { node, output, status })
    }
}

/// xdsh -e: the script is copied to the node and run there. The quotes around the scripts are the remote shell's,
/// and end where the scripts' own begin (xCAT has the same).
const SEND: &str = r#"exec 2>&1
ssh="-o BatchMode=yes -o ConnectTimeout=10"
scp -q $ssh /install/postscripts/xcatdsklspost "root@$1:/tmp/xcatdsklspost.dsh" || exit 1
exec ssh $ssh "root@$1" "NODE=$1; export NODE; exec bash /tmp/xcatdsklspost.dsh 1 -m $3 '$2' --tftp /tftpboot --installdir /install --nfsv4 no -c"
"#;
