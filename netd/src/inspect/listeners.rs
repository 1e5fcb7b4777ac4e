//! Programs that listen on TCP ports of the host.

use std::path::{Path, PathBuf};

use inspection::Listener;

/// State `TCP_LISTEN` in /proc/net/tcp (include/net/tcp_states.h).
const LISTEN: &str = "0A";

/// The programs that listen on these ports.
pub(super) fn observe(ports: &[u16]) -> Vec<Listener> {
    if ports.is_empty() {
        return Vec::new();
    }
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let texts = tables.iter().filter_map(|path| durable::kernel_text(Path::new(path)));
    let sockets: Vec<(u16, u64)> = texts.flat_map(|text| listening(&text)).collect();
    let wanted: Vec<(u16, u64)> = sockets.into_iter().filter(|(port, _)| ports.contains(port)).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let owners = owners();
    let listener = |(port, inode): &(u16, u64)| {
        let pid = owners.iter().find(|(_, owned)| owned == inode).map(|(pid, _)| *pid);
        let program = pid.and_then(|pid| durable::kernel_text(Path::new(&format!("/proc/{pid}/comm"))));
        Listener { port: *port, program: program.unwrap_or_default().trim().to_owned(), pid }
    };
    let mut found: Vec<Listener> = wanted.iter().map(listener).collect();
    found.dedup();
    found
}

/// Port and inode of each socket that listens.
fn listening(text: &str) -> Vec<(u16, u64)> {
    let socket = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (local, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
        let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
        (*state == LISTEN).then_some((port, inode.parse().ok()?))
    };
    text.lines().skip(1).filter_map(socket).collect()
}

/// The inodes of all open sockets, each with a process that has it.
fn owners() -> Vec<(u32, u64)> {
    let paths = |path: &Path| durable::list(path).ok().flatten().unwrap_or_default();
    let pid = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let processes = paths(Path::new("/proc")).into_iter().filter_map(|path| Some((pid(&path)?, path)));
    let sockets = processes.flat_map(|(pid, path)| {
        paths(&path.join("fd")).into_iter().filter_map(move |fd| Some((pid, socket(&fd)?)))
    });
    sockets.collect()
}

/// `socket:[4711]`
fn socket(fd: &Path) -> Option<u64> {
    let target = std::fs::read_link(fd).ok()?;
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_that_listen_are_found_in_the_kernel_s_table() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0
   1: 0100007F:0035 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 100 0 0 10 0
 broken";
        assert_eq!(listening(text), [(8080, 4711)]);
    }
}
