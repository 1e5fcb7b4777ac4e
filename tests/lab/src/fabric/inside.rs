//! What is looked at and set in a machine's namespace, beside its cables.

use process::Command;

use super::{DEADLINE, FabricError, failed, namespace_path};
use crate::name::LabName;
use crate::plan::Machine;

/// Has a machine's NICs compute checksums. A veth leaves them out, as both its ends are this kernel; who takes
/// frames from a packet socket and gives them to another stack then delivers broken ones (TcpInCsumErrors).
///
/// # Errors
/// What `ethtool` said.
pub async fn compute_checksums(lab: &LabName, machine: &Machine) -> Result<(), FabricError> {
    let what = machine.member.to_string();
    let namespace = namespace_path(&lab.of(machine.member));
    let command = Command::new("nsenter", DEADLINE)
        .args([format!("--net={}", namespace.display())])
        .args(["sh", "-ec", "for nic; do ethtool -K \"$nic\" tx off; done", "checksums"])
        .args(machine.nics.iter().map(|nic| &nic.name));
    command.execute().await.map(drop).map_err(failed(&what))
}

/// Whether some device of a machine that runs has the machine's address.
///
/// # Errors
/// What `ip` said.
pub async fn has_address(lab: &LabName, machine: &Machine) -> Result<bool, FabricError> {
    let namespace = lab.of(machine.member);
    let address = format!("{}/32", machine.address);
    let command =
        Command::new("ip", DEADLINE).args(["-n", &namespace, "-4", "-o", "address", "show", "to", &address]);
    let shown = command.execute().await.map_err(failed(&namespace))?;
    // DAD is for IPv6 only: an IPv4 address that is shown answers
    Ok(!shown.text().is_empty())
}

pub(super) async fn set(namespace: &str, setting: &str, value: &str) -> Result<(), FabricError> {
    // a process sees /proc/sys/net of its own namespace
    let path = namespace_path(namespace);
    let command = Command::new("nsenter", DEADLINE)
        .args([format!("--net={}", path.display()), "tee".into(), format!("/proc/sys/{setting}")])
        .stdin(value);
    command.execute().await.map(drop).map_err(|source| FabricError::Setting {
        setting: setting.to_owned(),
        namespace: namespace.to_owned(),
        source: Box::new(source),
    })
}
