//! What is in a machine before its first boot, beside the cached layers. Pure, but for what `switch` asks of the kernel.

use sha2::{Digest as _, Sha256};

use crate::host::dhcp;
use crate::host::keys::{KeyPair, Keys};
use crate::host::{switch, udev};
use crate::manager::Assignment;
use crate::name::Member;
use crate::plan::{Machine, Spec};

/// One file, at its path in the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Without the leading slash.
    pub path: &'static str,
    /// Permission bits.
    pub mode: u32,
    /// What is in it.
    pub content: String,
}

impl File {
    pub(crate) fn new(path: &'static str, content: impl Into<String>) -> Self {
        Self { path, mode: 0o644, content: content.into() }
    }

    pub(crate) fn secret(path: &'static str, content: impl Into<String>) -> Self {
        Self { mode: 0o600, ..Self::new(path, content) }
    }
}

const XCATDSKLSPOST: &str = include_str!("../../files/xcatdsklspost");

/// The files of one machine.
pub fn files(spec: &Spec, machine: &Machine, keys: &Keys) -> Vec<File> {
    let mut files = vec![
        File::new("etc/hostname", format!("{}\n", machine.member)),
        File::new("etc/hosts", hosts(spec)),
        // without a name server the resolver asks 127.0.0.1, and is refused at once
        File::new("etc/resolv.conf", "search cluster.test\n"),
        File::new("etc/machine-id", machine_id(spec, machine.member, keys)),
        File::secret("root/.ssh/authorized_keys", keys.root.public.clone()),
    ];
    files.extend(machine.manager.files(machine));
    files.extend(switch::files());
    if spec.udev {
        files.extend(udev::files());
    }
    if let Some(host_key) = keys.hosts.get(&machine.member) {
        files.push(File::secret("etc/ssh/ssh_host_ed25519_key", host_key.private.clone()));
        files.push(File::new("etc/ssh/ssh_host_ed25519_key.pub", host_key.public.clone()));
    }
    if machine.member == Member::Mn {
        files.push(File { mode: 0o755, ..File::new("install/postscripts/xcatdsklspost", XCATDSKLSPOST) });
        files.push(File::secret("root/.ssh/id_ed25519", keys.root.private.clone()));
        files.push(File::new("root/.ssh/id_ed25519.pub", keys.root.public.clone()));
        files.push(File::new("root/.ssh/known_hosts", known_hosts(spec, keys)));
        if spec.assignment == Assignment::Dhcp {
            files.extend(dhcp::files(spec));
        }
    }
    files
}

fn hosts(spec: &Spec) -> String {
    let line = |machine: Machine| {
        let (address, name) = (machine.address, machine.member);
        format!("{address} {name} {name}.cluster.test\n")
    };
    let loopback = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned();
    loopback + &spec.machines().into_iter().map(line).collect::<String>()
}

fn known_hosts(spec: &Spec, keys: &Keys) -> String {
    let line = |machine: Machine| {
        let key: &KeyPair = keys.hosts.get(&machine.member)?;
        // type and key; the comment stays out
        let public: Vec<&str> = key.public.split_ascii_whitespace().take(2).collect();
        Some(format!("{},{} {}\n", machine.member, machine.address, public.join(" ")))
    };
    spec.machines().into_iter().filter_map(line).collect()
}

/// machine-id(5): 32 hexadecimal digits, different for every machine that ever was.
fn machine_id(spec: &Spec, member: Member, keys: &Keys) -> String {
    let hash = Sha256::new().chain_update(spec.name.of(member)).chain_update(&keys.root.public).finalize();
    let digits: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    digits + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let pair = |of: &str| KeyPair {
            private: format!("private {of}"),
            public: format!("ssh-ed25519 {of} x@y\n"),
        };
        let hosts = [(Member::Mn, pair("KM")), (Member::Host(1), pair("K1"))].into();
        Keys { root: pair("ROOT"), hosts }
    }

    fn content(files: &[File], path: &str) -> String {
        files.iter().find(|file| file.path == path).unwrap().content.clone()
    }

    #[test]
    fn a_host_has_a_static_eth0_and_nothing_for_eth1() {
        let spec = Spec::new("lab".parse().unwrap(), 1);
        let files = files(&spec, &spec.machine(Member::Host(1)), &keys());
        assert_eq!(
            content(&files, "etc/network/interfaces"),
            "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n    address 10.99.0.11/16\n"
        );
        assert!(content(&files, "etc/hosts").contains("10.99.0.1 mn mn.cluster.test\n10.99.0.11 host1 "));
        assert!(!files.iter().any(|file| file.path == "root/.ssh/id_ed25519"), "only mn has the key");
    }

    #[test]
    fn mn_knows_every_host_by_name_and_address() {
        let spec = Spec::new("lab".parse().unwrap(), 1);
        let files = files(&spec, &spec.machine(Member::Mn), &keys());
        assert_eq!(
            content(&files, "root/.ssh/known_hosts"),
            "mn,10.99.0.1 ssh-ed25519 KM\nhost1,10.99.0.11 ssh-ed25519 K1\n"
        );
        let id = content(&files, "etc/machine-id");
        assert!(id.len() == 33 && id.trim().bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    }
}
