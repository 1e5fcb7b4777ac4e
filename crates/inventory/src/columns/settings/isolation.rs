//! Namespaces that a container shares with its host, and its kernel security options.

/// Prefixes of sysctls that belong to a namespace, thus to one container (docker/cli `opts/opts.go`, runc `validate`).
const OF_CONTAINER: [&str; 2] = ["net.", "fs.mqueue."];
const SYSV_IPC: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// `NAME=VALUE` of sysctl(8).
pub(super) fn sysctl(text: &str) -> Result<(String, String), String> {
    let form = || "the form is sysctl=NAME=VALUE, such as sysctl=net.core.somaxconn=1024".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(form)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    if value.is_empty() || !name.contains('.') || !name.bytes().all(is_name) {
        return Err(form());
    }
    let is_own = OF_CONTAINER.iter().any(|prefix| name.starts_with(prefix)) || SYSV_IPC.contains(&name);
    if !is_own {
        return Err(format!(
            "{name} belongs to the whole host, not to a container: set it in /etc/sysctl.d of the host"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Options of `docker run --security-opt` in the API's form. `seccomp=FILE` is a file that only Docker's client reads.
pub(super) fn security_option(text: &str) -> Result<String, String> {
    let (name, value) = text.split_once('=').or_else(|| text.split_once(':')).unwrap_or((text, ""));
    match (name, value) {
        ("no-new-privileges", "" | "true" | "false") | ("label", "disable") => Ok(text.to_owned()),
        ("apparmor", profile) if !profile.is_empty() => Ok(text.to_owned()),
        ("label", rule) if has_kind(rule) => Ok(text.to_owned()),
        ("seccomp", "unconfined" | "builtin") => Ok(text.to_owned()),
        ("seccomp", _) => Err(
            "seccomp= takes unconfined or builtin; a profile of your own goes into docker='{\"HostConfig\":{\"SecurityOpt\":[\"seccomp=JSON\"]}}'"
                .to_owned(),
        ),
        ("systempaths", "unconfined") => Err(
            "write docker='{\"HostConfig\":{\"MaskedPaths\":[],\"ReadonlyPaths\":[]}}' for systempaths=unconfined"
                .to_owned(),
        ),
        _ => Err(
            "a security option is no-new-privileges, seccomp=unconfined, apparmor=PROFILE, label=disable or label=KIND:VALUE"
                .to_owned(),
        ),
    }
}

/// `user:`, `role:`, `type:`, `level:` and `filetype:` of SELinux (moby `daemon/create.go`).
fn has_kind(rule: &str) -> bool {
    let kinds = ["user", "role", "type", "level", "filetype"];
    rule.split_once(':').is_some_and(|(kind, value)| kinds.contains(&kind) && !value.is_empty())
}

pub(super) fn ipc(text: &str) -> Result<String, String> {
    match text {
        "private" | "shareable" | "host" | "none" => Ok(text.to_owned()),
        _ => Err(format!("ipc is one of private, shareable, host, none{}", of_other(text))),
    }
}

pub(super) fn cgroupns(text: &str) -> Result<String, String> {
    match text {
        "private" | "host" => Ok(text.to_owned()),
        _ => Err("cgroupns is one of private, host".to_owned()),
    }
}

/// The host's namespace, or the container's own.
pub(super) fn host(key: &str, text: &str) -> Result<String, String> {
    match text {
        "host" => Ok(text.to_owned()),
        _ => Err(format!(
            "{key} can only be host; without this item the container has its own{}",
            of_other(text)
        )),
    }
}

/// The engine looks for that container at each start and may then find another one.
fn of_other(text: &str) -> &'static str {
    if text.starts_with("container:") { "; nodes cannot share it with each other" } else { "" }
}
