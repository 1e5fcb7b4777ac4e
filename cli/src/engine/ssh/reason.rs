//! Why an ssh connection failed, from ssh's error output, and what to do. Pure.
//!
//! ssh writes fifteen lines for a changed host key, and one line for two causes elsewhere. A command on a hundred
//! hosts prints one line per host, with the command that fixes it.

/// Why ssh did not connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The host key differs from the known one. The file, if it is not the user's default.
    HostKeyChanged(Option<String>),
    /// The host key is unknown, and ssh must not ask.
    HostKeyUnknown,
    /// The host accepts none of our keys.
    Denied,
    /// The host closed the connection before ssh tried the right key.
    TooManyKeys,
    /// No answer.
    TimedOut(Option<u16>),
    /// Connection refused.
    Refused(Option<u16>),
    /// No route.
    NoRoute,
    /// Unknown host name.
    NoName,
    /// The server is not sshd.
    NoBanner,
    /// The server closed the connection.
    HungUp,
    /// Another message of ssh.
    Other(String),
}

/// Messages of OpenSSH (ssh.c, sshconnect.c, sshconnect2.c, kex.c) and of libc with their reasons; the first match
/// counts.
const TEXTS: [(&str, Reason); 13] = [
    ("Host key verification failed", Reason::HostKeyUnknown),
    ("Too many authentication failures", Reason::TooManyKeys),
    ("Permission denied (", Reason::Denied),
    ("during banner exchange", Reason::NoBanner),
    ("invalid format", Reason::NoBanner),
    ("kex_exchange_identification", Reason::HungUp),
    ("Connection closed by", Reason::HungUp),
    ("Could not resolve hostname", Reason::NoName),
    ("Connection timed out", Reason::TimedOut(None)),
    ("Connection refused", Reason::Refused(None)),
    ("No route to host", Reason::NoRoute),
    ("Network is unreachable", Reason::NoRoute),
    ("Connection reset by", Reason::HungUp),
];

impl Reason {
    /// Parses ssh's error output.
    pub(crate) fn of(stderr: &str) -> Self {
        if stderr.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
            return Self::HostKeyChanged(unusual_known_hosts(stderr));
        }
        match TEXTS.iter().find(|(text, _)| stderr.contains(text)) {
            Some((_, Self::TimedOut(_))) => Self::TimedOut(port(stderr)),
            Some((_, Self::Refused(_))) => Self::Refused(port(stderr)),
            Some((_, reason)) => reason.clone(),
            None => Self::Other(one_line(stderr)),
        }
    }

    /// Whether the message is known.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// Message with cause and hint.
    pub(crate) fn message(&self, user: &str, host: &str) -> String {
        let on = |port: &Option<u16>| port.map(|port| format!(" on port {port}")).unwrap_or_default();
        match self {
            Self::HostKeyChanged(file) => {
                let file = file.as_ref().map(|file| format!(" -f {file}")).unwrap_or_default();
                format!("its host key has changed; if {host} was reinstalled, run \"ssh-keygen{file} -R {host}\" (with xCAT \"makeknownhosts {host}\")")
            }
            Self::HostKeyUnknown => format!("its host key is not known here; run \"ssh-keyscan {host} >> ~/.ssh/known_hosts\" (with xCAT \"makeknownhosts {host}\")"),
            Self::Denied => format!("it accepts none of the ssh keys of this machine; add one to authorized_keys of {user} on the host (with xCAT \"xdsh {host} -K\")"),
            Self::TooManyKeys => "it closed the connection after too many ssh keys; set the right key in /etc/xdock/xdock.toml: [ssh] options = [\"IdentitiesOnly=yes\", \"IdentityFile=FILE\"]".to_owned(),
            Self::TimedOut(port) => format!("no answer{} (timed out); is it up?", on(port)),
            Self::Refused(port) => format!("connection refused{}; is sshd running there?", on(port)),
            Self::NoRoute => "no route to it; is it up?".to_owned(),
            Self::NoName => format!("{host} has no address here; add it to /etc/hosts or DNS (with xCAT \"makehosts {host}\")"),
            Self::NoBanner => "the answer is not from sshd; is the host overloaded, or does another service use this port?".to_owned(),
            Self::HungUp => "its sshd closed the connection; run \"journalctl -u ssh\" on the host".to_owned(),
            Self::Other(text) if text.is_empty() => "ssh ended without an error message".to_owned(),
            Self::Other(text) => text.clone(),
        }
    }
}

/// File of `Offending KEY in FILE:LINE`, if `ssh-keygen -R` does not use it by default.
fn unusual_known_hosts(stderr: &str) -> Option<String> {
    let line = stderr.lines().find_map(|line| line.strip_prefix("Offending "))?;
    let (file, _) = line.split_once(" key in ")?.1.rsplit_once(':')?;
    (!file.ends_with("/.ssh/known_hosts")).then(|| file.to_owned())
}

/// Port of `ssh: connect to host NAME port 22: ...`.
fn port(stderr: &str) -> Option<u16> {
    let (_, rest) = stderr.split_once(" port ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As OpenSSH 9.2 wrote it with LogLevel=ERROR.
    const CHANGED: &str = "\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\r
Someone could be eavesdropping on you right now (man-in-the-middle attack)!\r
It is also possible that a host key has just been changed.\r
The fingerprint for the ED25519 key sent by the remote host is\nSHA256:T7JJtsuGxb9pDUEzEw4utJV7Ak9DJLX7ufCBWLXBHc8.\r
Please contact your system administrator.\r
Add correct host key in /root/.ssh/known_hosts to get rid of this message.\r
Offending ED25519 key in /root/.ssh/known_hosts:1\r
  remove with:\r
  ssh-keygen -f \"/root/.ssh/known_hosts\" -R \"host1\"\r
Host key for host1 has changed and you have requested strict checking.\r
Host key verification failed.\r\n";

    fn message(stderr: &str) -> String {
        Reason::of(stderr).message("root", "host1")
    }

    #[test]
    fn a_changed_host_key_is_one_line_with_the_command_that_mends_it() {
        let text = "its host key has changed; if host1 was reinstalled, run \"ssh-keygen -R host1\" (with xCAT \"makeknownhosts host1\")";
        assert_eq!(message(CHANGED), text);
        let elsewhere = CHANGED.replace("/root/.ssh/known_hosts", "/root/rec/kh2");
        assert_eq!(message(&elsewhere), text.replace("-R", "-f /root/rec/kh2 -R"));
    }

    #[test]
    fn every_text_of_ssh_has_its_reason() {
        let recorded = [
            ("Host key verification failed.\r\n", Reason::HostKeyUnknown),
            ("root@host1: Permission denied (publickey,password).\r\n", Reason::Denied),
            (
                "Received disconnect from 10.99.0.11 port 22:2: Too many authentication failures\r\nDisconnected from 10.99.0.11 port 22\r\n",
                Reason::TooManyKeys,
            ),
            ("ssh: connect to host host1 port 23: Connection refused\r\n", Reason::Refused(Some(23))),
            ("ssh: connect to host 10.99.0.77 port 22: No route to host\r\n", Reason::NoRoute),
            ("ssh: connect to host 10.77.0.9 port 22: Network is unreachable\r\n", Reason::NoRoute),
            ("ssh: connect to host 10.99.0.77 port 22: Connection timed out\r\n", Reason::TimedOut(Some(22))),
            ("ssh: Could not resolve hostname nosuch.invalid: Name or service not known\r\n", Reason::NoName),
            (
                "Connection timed out during banner exchange\r\nConnection to 127.0.0.1 port 22824 timed out\r\n",
                Reason::NoBanner,
            ),
            (
                "kex_exchange_identification: read: Connection reset by peer\r\nConnection reset by 127.0.0.1 port 22824\r\n",
                Reason::HungUp,
            ),
            (
                "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 127.0.0.1 port 22824\r\n",
                Reason::HungUp,
            ),
            ("Unsupported option\r\n\r\nline 2\n", Reason::Other("Unsupported option; line 2".to_owned())),
        ];
        for (text, reason) in recorded {
            assert_eq!(Reason::of(text), reason, "{text:?}");
            assert!(!reason.message("root", "host1").contains('\n'));
        }
    }

    #[test]
    fn a_reason_says_what_to_do() {
        assert_eq!(
            message("ssh: connect to host host1 port 22: Connection refused\r\n"),
            "connection refused on port 22; is sshd running there?"
        );
        assert_eq!(
            message("root@host1: Permission denied (publickey).\r\n"),
            "it accepts none of the ssh keys of this machine; add one to authorized_keys of root on the host (with xCAT \"xdsh host1 -K\")"
        );
        assert_eq!(message(""), "ssh ended without an error message");
    }
}
