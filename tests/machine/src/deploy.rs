//! xCAT's part before the first boot of a machine that it deploys: the node's variables on the management node.

use std::net::Ipv4Addr;
use std::time::Duration;

use lab::updatenode::{RenderError, render};
use lab::{Lab, LabError, Member};
use thiserror::Error;

/// Why a machine can not be deployed.
#[derive(Debug, Error)]
pub enum DeployError {
    /// No stanza file.
    #[error("cannot read {STANZA} on mn: put the cluster's tables there before `machine up --deployed`")]
    NoTables(#[source] LabError),
    /// It is wrong.
    #[error("{STANZA} on mn")]
    Tables(#[source] Box<inventory::InventoryError>),
    /// The node.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Not written.
    #[error("cannot write the variables of {0} on mn")]
    Write(Member, #[source] LabError),
}

/// The cluster's tables on the management node.
const STANZA: &str = "/etc/xdock/cluster.stanza";
const QUICK: Duration = Duration::from_secs(20);
const WRITE: &str = "cat >\"$1.new\"; chmod 755 \"$1.new\"; mv \"$1.new\" \"$1\"";

/// Renders the variables of a node and puts them where its first boot fetches them.
///
/// # Errors
/// The tables are missing or wrong, or lack the node.
pub async fn deliver(lab: &Lab, node: Member, mn: Ipv4Addr) -> Result<(), DeployError> {
    let read = lab.exec("mn", &["cat", STANZA], QUICK).await.map_err(DeployError::NoTables)?;
    let tables = inventory::Inventory::from_stanzas(&String::from_utf8_lossy(&read.stdout))
        .map_err(|error| DeployError::Tables(error.into()))?;
    let text = deploying(&render(&tables, &node.to_string(), mn)?);
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
