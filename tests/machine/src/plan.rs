//! What a machine will be: its cables and qemu's words. Pure.

use std::ffi::OsString;
use std::path::Path;

use lab::plan::{Machine as Host, Nic, Spec};
use lab::{LabName, Member};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The lab that it is joined to.
    pub lab: LabName,
    /// Its name: a host of a number that the lab itself does not boot.
    pub name: Member,
    /// How many NICs: `eth0` on the lab's first Ethernet, all others together on the second, so that they can be bonded.
    pub nics: u8,
    /// Whether its first boot is that of a machine which xCAT has deployed: it runs the postscripts of the tables.
    pub deployed: bool,
}

impl Order {
    /// Three NICs, not deployed.
    pub fn new(lab: LabName, name: Member) -> Self {
        Self { lab, name, nics: 3, deployed: false }
    }
}

/// The lab as it would be if it booted this machine itself: the same addresses, MACs and files.
pub fn as_host(name: &LabName, member: Member, nics: u8) -> (Spec, Host) {
    let spec = Spec { nics, ..Spec::new(name.clone(), member.number()) };
    let mut host = spec.machine(member);
    for nic in host.nics.iter_mut().skip(2) {
        nic.bridge = "net1".into();
    }
    (spec, host)
}

/// The lines of `ip -batch` in the fabric's namespace that make a machine's cables. Those of an earlier start stay.
pub fn cables(host: &Host) -> String {
    let cable = |nic: &Nic| {
        let Nic { port, bridge, .. } = nic;
        format!("tuntap add {port} mode tap\nlink set {port} master {bridge} up\n")
    };
    host.nics.iter().map(cable).collect()
}

/// Bytes of memory, as qemu counts them; dockerd, Open vSwitch and a handful of containers fit.
const MEMORY: &str = "1536M";

/// The first x86-64 with what Debian's programs may use (x86-64-v2). Newer models are slower to emulate.
const CPU: &str = "Nehalem";

/// Emulated, the guards against speculation cost a fifth of the boot and guard nothing.
const KERNEL_WORDS: &str = "root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off";

/// Files of one start.
#[derive(Debug)]
pub struct Files<'a> {
    /// Debian's kernel.
    pub kernel: &'a Path,
    /// Its initramfs.
    pub initrd: &'a Path,
    /// The machine's own disk.
    pub disk: &'a Path,
    /// What it gets at its very first boot.
    pub seed: Option<&'a Path>,
    /// Where its serial console is written.
    pub console: &'a Path,
}

/// qemu's words after its own name. Writes that the machine has not flushed are in qemu's or the machine's own cache
/// and may be lost with it, as with a disk that has a write cache; what it has flushed is on the file.
pub fn qemu(host: &Host, files: &Files<'_>) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["-name".into(), host.member.to_string().into()];
    words.extend(ALWAYS.iter().map(OsString::from));
    words.extend(["-cpu", CPU, "-m", MEMORY].map(OsString::from));
    words.extend(["-kernel".into(), files.kernel.into(), "-initrd".into(), files.initrd.into()]);
    let seeded = if files.seed.is_some() { " machine.seed" } else { "" };
    words.extend(["-append".into(), format!("{KERNEL_WORDS}{seeded}").into()]);
    // output before a reboot or power failure stays readable
    words.extend(["-chardev".into(), joined("file,id=console,append=on,path=", files.console, "")]);
    words.extend(["-serial", "chardev:console"].map(OsString::from));
    words.extend(["-drive".into(), joined(DRIVE, files.disk, ",cache=writeback")]);
    if let Some(seed) = files.seed {
        words.extend(["-drive".into(), joined(DRIVE, seed, ",readonly=on")]);
    }
    for nic in &host.nics {
        let Nic { name, mac, port, .. } = nic;
        let netdev = format!("tap,id={name},ifname={port},script=no,downscript=no");
        let device = format!("virtio-net-pci,netdev={name},mac={mac},romfile=");
        words.extend(["-netdev".into(), netdev.into(), "-device".into(), device.into()]);
    }
    words
}

const DRIVE: &str = "if=virtio,format=raw,file=";

/// No device that nobody asked for, no window, no monitor; KVM would not work inside most virtual machines.
const ALWAYS: [&str; 16] = [
    "-machine",
    "q35",
    "-accel",
    "tcg,thread=multi,tb-size=512",
    "-smp",
    "2",
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-monitor",
    "none",
    // nothing that could delay the boot because entropy is missing
    "-object",
    "rng-random,filename=/dev/urandom,id=rng0",
    "-device",
    "virtio-rng-pci,rng=rng0",
];

/// A path inside an option: qemu takes a comma in it doubled.
fn joined(before: &str, path: &Path, after: &str) -> OsString {
    let path = path.to_string_lossy().replace(',', ",,");
    format!("{before}{path}{after}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        as_host(&"lab".parse().unwrap(), Member::Host(2), 3).1
    }

    #[test]
    fn all_nics_but_the_first_are_on_one_ethernet() {
        assert_eq!(
            cables(&host()),
            "tuntap add host2-eth0 mode tap\nlink set host2-eth0 master net0 up\n\
             tuntap add host2-eth1 mode tap\nlink set host2-eth1 master net1 up\n\
             tuntap add host2-eth2 mode tap\nlink set host2-eth2 master net1 up\n"
        );
    }

    #[test]
    fn the_seed_is_there_at_the_first_start_only() {
        let path = Path::new;
        let first = Files {
            kernel: path("/k"),
            initrd: path("/i"),
            disk: path("/d,1"),
            seed: Some(path("/s")),
            console: path("/c"),
        };
        let words = |files: &Files<'_>| {
            let words = qemu(&host(), files).into_iter().map(|word| word.into_string().unwrap());
            words.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            words(&first),
            "-name host2 -machine q35 -accel tcg,thread=multi,tb-size=512 -smp 2 -nodefaults -no-user-config -display none \
             -monitor none -object rng-random,filename=/dev/urandom,id=rng0 -device virtio-rng-pci,rng=rng0 \
             -cpu Nehalem -m 1536M -kernel /k -initrd /i \
             -append root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off machine.seed -chardev file,id=console,append=on,path=/c -serial chardev:console \
             -drive if=virtio,format=raw,file=/d,,1,cache=writeback -drive if=virtio,format=raw,file=/s,readonly=on \
             -netdev tap,id=eth0,ifname=host2-eth0,script=no,downscript=no \
             -device virtio-net-pci,netdev=eth0,mac=02:78:64:00:00:02,romfile= \
             -netdev tap,id=eth1,ifname=host2-eth1,script=no,downscript=no \
             -device virtio-net-pci,netdev=eth1,mac=02:78:64:00:01:02,romfile= \
             -netdev tap,id=eth2,ifname=host2-eth2,script=no,downscript=no \
             -device virtio-net-pci,netdev=eth2,mac=02:78:64:00:02:02,romfile="
        );
        let later = words(&Files { seed: None, ..first });
        assert!(!later.contains("machine.seed") && !later.contains("/s"), "{later}");
    }
}
