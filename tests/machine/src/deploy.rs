//! xCAT's part: the node's variables on the management node, before the first boot of a machine that it deploys and
//! for updatenode.

use std::net::Ipv4Addr;
use std::time::Duration;

use lab::exec::ExecError;
use lab::updatenode::{RenderError, render};
use lab::{Lab, LabError, Member, NodeRun};
use process::ExecuteError;
use thiserror::Error;

/// Why a machine gets no postscripts.
#[derive(Debug, Error)]
pub enum DeployError {
    /// No stanza file.
    #[error("cannot read {STANZA} on mn: put the cluster's tables there first")]
    NoTables(#[source] LabError),
    /// It is wrong.
    #[error("{STANZA} on mn")]
    Tables(#[source] Box<inventory::InventoryError>),
    /// The node.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Not run.
    #[error("cannot run postscripts on {0}")]
    Run(Member, #[source] LabError),
    /// Not written.
    #[error("cannot write the variables of {0} on mn")]
    Write(Member, #[source] LabError),
}

/// The cluster's tables on the management node.
const STANZA: &str = "/etc/xdock/cluster.stanza";
const QUICK: Duration = Duration::from_secs(20);
const WRITE: &str = "cat >\"$1.new\"; chmod 755 \"$1.new\"; mv \"$1.new\" \"$1\"";

/// When the postscripts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// At the first boot after xCAT has installed the machine.
    Deployment,
    /// When the administrator says so.
    Updatenode,
}

/// Renders the variables of a node and puts them where it fetches them.
///
/// # Errors
/// The tables are missing or wrong, or lack the node.
pub async fn deliver(lab: &Lab, node: Member, mn: Ipv4Addr, occasion: Occasion) -> Result<(), DeployError> {
    let read = lab.exec("mn", &["cat", STANZA], QUICK).await.map_err(DeployError::NoTables)?;
    let tables = inventory::Inventory::from_stanzas(&String::from_utf8_lossy(&read.stdout))
        .map_err(|error| DeployError::Tables(error.into()))?;
    let text = render(&tables, &node.to_string(), mn)?;
    let text = if occasion == Occasion::Deployment { deploying(&text) } else { text };
    let path = format!("/tftpboot/mypostscripts/mypostscript.{node}");
    let words = ["sh", "-ec", WRITE, "write", &path];
    let written = lab.exec_with("mn", &words, text.into_bytes(), QUICK).await;
    written.map(drop).map_err(|source| DeployError::Write(node, source))
}

/// What differs from updatenode's variables (xCAT's Postage.pm; updatenode itself puts the 1).
fn deploying(mypostscript: &str) -> String {
    let line = |line: &str| match line {
        "UPDATENODE=1" => "UPDATENODE=0\n".to_owned(),
        "NODESETSTATE=undefined" => "NODESETSTATE=install\n".to_owned(),
        other => format!("{other}\n"),
    };
    mypostscript.lines().map(line).collect()
}

/// Runs postscripts (`"script args,script2 args"`) on a machine, as updatenode does from the management node.
///
/// # Errors
/// It does not answer. A script that fails is no error but a status.
pub async fn updatenode(
    lab: &Lab,
    node: Member,
    mn: Ipv4Addr,
    scripts: &str,
) -> Result<NodeRun, DeployError> {
    deliver(lab, node, mn, Occasion::Updatenode).await?;
    let name = node.to_string();
    let server = format!("{mn}:80");
    let ran = lab.exec("mn", &["sh", "-c", SEND, "updatenode", &name, scripts, &server], SCRIPTS).await;
    let (output, status) = match ran {
        Ok(said) => (String::from_utf8_lossy(&said.stdout).into_owned(), 0),
        Err(LabError::Exec(ExecError::Run {
            source: ExecuteError::Status { stdout, status, .. }, ..
        })) => (stdout, status.code().unwrap_or(1)),
        Err(error) => return Err(DeployError::Run(node, error)),
    };
    Ok(NodeRun { node, output, status })
}

/// A script may install packages, and everything is emulated.
const SCRIPTS: Duration = Duration::from_secs(1200);

/// As the lab's updatenode sends it (xdsh -e): the script is copied to the node and run there.
const SEND: &str = r#"exec 2>&1
ssh="-o BatchMode=yes -o ConnectTimeout=20"
scp -q $ssh /install/postscripts/xcatdsklspost "root@$1:/tmp/xcatdsklspost.dsh" || exit 1
exec ssh $ssh "root@$1" "NODE=$1; export NODE; exec bash /tmp/xcatdsklspost.dsh 1 -m $3 '$2' --tftp /tftpboot --installdir /install --nfsv4 no -c"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_says_so() {
        let rendered =
            "NODE=host2\nNODESETSTATE=undefined\nexport NODESETSTATE\nUPDATENODE=1\nexport UPDATENODE\n";
        assert_eq!(
            deploying(rendered),
            "NODE=host2\nNODESETSTATE=install\nexport NODESETSTATE\nUPDATENODE=0\nexport UPDATENODE\n"
        );
    }
}
