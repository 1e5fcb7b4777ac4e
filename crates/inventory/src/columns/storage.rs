//! `vm.storage`: `SOURCE:TARGET[:OPTION[,OPTION]]`, several separated by `,` or `;`.

use std::str::FromStr;

use crate::container::VolumeMount;

/// Kind of an option. A volume can have one option of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Access,
    /// SELinux: shared with other containers, or for this container only.
    Label,
    /// mount_namespaces(7), for paths of the host.
    Propagation,
    /// Whether the engine copies the image's files below the target to a new volume.
    Copy,
}

/// Options of a bind (moby `volume/mounts/linux_parser.go`).
const OPTIONS: [(&str, Kind); 11] = [
    ("ro", Kind::Access),
    ("rw", Kind::Access),
    ("z", Kind::Label),
    ("Z", Kind::Label),
    ("shared", Kind::Propagation),
    ("rshared", Kind::Propagation),
    ("slave", Kind::Propagation),
    ("rslave", Kind::Propagation),
    ("private", Kind::Propagation),
    ("rprivate", Kind::Propagation),
    ("nocopy", Kind::Copy),
];

const FORM: &str = "the form is SOURCE:TARGET or SOURCE:TARGET:OPTION,OPTION with ro, rw, z, Z, nocopy or a propagation such as rslave";

impl FromStr for VolumeMount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        refuse_other_forms(text)?;
        let mut parts = text.splitn(3, ':');
        let (source, target) =
            (parts.next().unwrap_or_default(), parts.next().ok_or_else(|| FORM.to_owned())?);
        if !is_absolute(source) && !is_volume_name(source) {
            return Err(format!(
                "source {source:?} is neither a volume's name nor an absolute path of the host"
            ));
        }
        if !is_absolute(target) || target == "/" {
            return Err(format!("target {target:?} is not an absolute path below / of the container"));
        }
        let options = parts.next().map_or_else(|| Ok(Vec::new()), |text| options(text, source))?;
        Ok(Self { source: source.to_owned(), target: target.to_owned(), options })
    }
}

/// Refuses forms of `docker run` that would become a volume with an unexpected name.
fn refuse_other_forms(text: &str) -> Result<(), String> {
    match text.split_once(':') {
        Some(("tmpfs", path)) => Err(format!(
            "tmpfs is not a volume: write tmpfs={path} in vm.othersettings for a file system in memory"
        )),
        None if text.starts_with('/') => Err(format!(
            "a volume needs a name here, as in NAME:{text}: xdock does not manage volumes without a name"
        )),
        _ if text.starts_with("type=") => {
            Err(format!("the form of docker run --mount is not supported: {FORM}"))
        }
        _ => Ok(()),
    }
}

/// The options of an item, separated by `,` or `:`.
fn options(text: &str, source: &str) -> Result<Vec<&'static str>, String> {
    let mut options: Vec<(&'static str, Kind)> = Vec::new();
    for word in text.split([',', ':']) {
        let (option, kind) = *known(word).ok_or_else(|| unknown(word))?;
        if let Some((other, _)) = options.iter().find(|(_, other)| *other == kind) {
            return Err(format!("{other} and {option} exclude each other"));
        }
        if kind == Kind::Propagation && !is_absolute(source) {
            return Err(format!("{option} is for a path of the host, and {source} is a volume"));
        }
        if kind == Kind::Copy && is_absolute(source) {
            return Err(format!("{option} is for a volume, and {source} is a path of the host"));
        }
        options.push((option, kind));
    }
    Ok(options.into_iter().map(|(option, _)| option).filter(|option| *option != "rw").collect())
}

fn unknown(word: &str) -> String {
    match word {
        "cached" | "delegated" | "consistent" => {
            format!("{word} only works on Docker Desktop; remove it")
        }
        word => {
            let names: Vec<&str> = OPTIONS.iter().map(|(name, _)| *name).collect();
            format!("unknown option {word:?}; known: {}", names.join(", "))
        }
    }
}

fn known(word: &str) -> Option<&'static (&'static str, Kind)> {
    OPTIONS.iter().find(|(name, _)| *name == word)
}

/// All items of the column.
///
/// # Errors
/// The rule that an item breaks, or the target of two items.
pub fn volumes(text: &str) -> Result<Vec<VolumeMount>, String> {
    let mut volumes: Vec<VolumeMount> = Vec::new();
    for item in items(text) {
        let volume: VolumeMount = item.parse().map_err(|rule| format!("item {item:?}: {rule}"))?;
        if let Some(other) = volumes.iter().find(|other| other.target == volume.target) {
            return Err(format!(
                "{} and {} have the same target {}",
                other.source, volume.source, other.target
            ));
        }
        volumes.push(volume);
    }
    Ok(volumes)
}

/// Splits the column into items. `,` separates both items and options: an option alone belongs to the previous item.
fn items(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for part in text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()) {
        match items.last_mut() {
            Some(item) if known(part).is_some() => {
                let separator = if item.matches(':').count() > 1 { ',' } else { ':' };
                item.push(separator);
                item.push_str(part);
            }
            _ => items.push(part.to_owned()),
        }
    }
    items
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') && path.split('/').all(|part| part != "..") && !path.contains('\0')
}

/// moby `volume/service/store.go` and `daemon/names`: `[a-zA-Z0-9][a-zA-Z0-9_.-]+`.
fn is_volume_name(name: &str) -> bool {
    name.len() > 1
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<String> {
        let volumes = volumes(text).unwrap();
        volumes.iter().map(|v| format!("{} {} {}", v.source, v.target, v.options.join(","))).collect()
    }

    #[test]
    fn volumes_and_host_paths_are_mounted() {
        assert_eq!(seen("data:/data, /etc/hosts:/etc/hosts:ro"), ["data /data ", "/etc/hosts /etc/hosts ro"]);
    }

    #[test]
    fn options_are_those_of_docker_run() {
        assert_eq!(
            seen("/srv:/srv:ro,z,rslave,data:/data:Z;db:/db:nocopy:rw"),
            ["/srv /srv ro,z,rslave", "data /data Z", "db /db nocopy"]
        );
    }

    #[test]
    fn a_bad_item_is_told_with_its_rule() {
        for (text, rule) in [
            ("data", format!("item \"data\": {FORM}")),
            (
                "data:/d:x",
                "item \"data:/d:x\": unknown option \"x\"; known: ro, rw, z, Z, shared, rshared, slave, rslave, private, rprivate, nocopy".to_owned(),
            ),
            ("data:/d:ro,rw", "item \"data:/d:ro,rw\": ro and rw exclude each other".to_owned()),
            ("data:/d:z,Z", "item \"data:/d:z,Z\": z and Z exclude each other".to_owned()),
            ("data:/d:rslave", "item \"data:/d:rslave\": rslave is for a path of the host, and data is a volume".to_owned()),
            ("/a:/d:nocopy", "item \"/a:/d:nocopy\": nocopy is for a volume, and /a is a path of the host".to_owned()),
            ("/a:/d:cached", "item \"/a:/d:cached\": cached only works on Docker Desktop; remove it".to_owned()),
            (
                "tmpfs:/run",
                "item \"tmpfs:/run\": tmpfs is not a volume: write tmpfs=/run in vm.othersettings for a file system in memory".to_owned(),
            ),
            (
                "/data",
                "item \"/data\": a volume needs a name here, as in NAME:/data: xdock does not manage volumes without a name".to_owned(),
            ),
            ("type=bind", format!("item \"type=bind\": the form of docker run --mount is not supported: {FORM}")),
            ("data:d", "item \"data:d\": target \"d\" is not an absolute path below / of the container".to_owned()),
            (
                "./x:/d",
                "item \"./x:/d\": source \"./x\" is neither a volume's name nor an absolute path of the host".to_owned(),
            ),
            ("aa:/d,bb:/d", "aa and bb have the same target /d".to_owned()),
            ("ro", format!("item \"ro\": {FORM}")),
        ] {
            assert_eq!(volumes(text), Err(rule));
        }
    }
}
