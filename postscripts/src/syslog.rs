//! Sends lines to the management node's syslog and to this host's, as xCAT's postscripts do with `logger -n
//! $MASTER_IP -t TAG -p local4.LEVEL` (xcat-core `xCATlib.sh`, `msgutil_r`).

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;

/// RFC 3164, section 4.1.1: `local4` is 20.
const LOCAL4: u8 = 20 << 3;
/// RFC 5426, section 3.1.
const PORT: u16 = 514;
/// Socket of this host's rsyslog or journald.
const LOCAL: &str = "/dev/log";
/// Fits in a datagram with the smallest IPv6 MTU. Longer texts are cut.
const LONGEST: usize = 1024;

/// Severity of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `err`.
    Error,
    /// `info`.
    Info,
}

impl Level {
    /// As in xCAT's log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "err",
            Self::Info => "info",
        }
    }

    fn severity(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Info => 6,
        }
    }
}

/// Sends a line to both. Never waits or fails, even if no daemon listens.
pub fn send(master: Option<IpAddr>, level: Level, tag: &str, text: &str) {
    let message = datagram(level, tag, text);
    let local = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.send_to(&message, LOCAL)
    });
    drop(local);
    let Some(master) = master else { return };
    let any: SocketAddr = match master {
        IpAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        IpAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    drop(UdpSocket::bind(any).and_then(|socket| socket.send_to(&message, (master, PORT))));
}

fn datagram(level: Level, tag: &str, text: &str) -> Vec<u8> {
    let line = text.replace(|c: char| c.is_control(), " ");
    let mut message = format!("<{}>{tag}: {line}", LOCAL4 | level.severity()).into_bytes();
    message.truncate(LONGEST);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_of_local4() {
        let text = |level| String::from_utf8(datagram(level, "xcat.updatenode.postscript", "a\nb")).unwrap();
        assert_eq!(text(Level::Info), "<166>xcat.updatenode.postscript: a b");
        assert_eq!(text(Level::Error), "<163>xcat.updatenode.postscript: a b");
    }
}
