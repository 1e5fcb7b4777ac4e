//! `vm.storage`: `SOURCE:TARGET[:ro|rw]`, several separated by `,` or `;`.

use std::str::FromStr;

use crate::container::VolumeMount;

impl FromStr for VolumeMount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "the form is SOURCE:TARGET or SOURCE:TARGET:ro".to_owned();
        let mut parts = text.split(':');
        let (source, target) = (parts.next().unwrap_or_default(), parts.next().ok_or_else(form)?);
        let read_only = match (parts.next(), parts.next()) {
            (None | Some("rw"), None) => false,
            (Some("ro"), None) => true,
            (Some(option), None) => return Err(format!("no option {option:?}; known: ro, rw")),
            _ => return Err(form()),
        };
        if !is_absolute(source) && !is_volume_name(source) {
            return Err(format!(
                "source {source:?} is neither a volume's name nor an absolute path of the host"
            ));
        }
        if !is_absolute(target) || target == "/" {
            return Err(format!("target {target:?} is no absolute path below / of the container"));
        }
        Ok(Self { source: source.to_owned(), target: target.to_owned(), read_only })
    }
}

/// All items of the column.
///
/// # Errors
/// The rule that an item breaks, or the target that two items share.
pub fn volumes(text: &str) -> Result<Vec<VolumeMount>, String> {
    let mut volumes: Vec<VolumeMount> = Vec::new();
    for item in text.split([',', ';']).map(str::trim).filter(|item| !item.is_empty()) {
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

    #[test]
    fn volumes_and_host_paths_are_mounted() {
        let volumes = volumes("data:/data, /etc/hosts:/etc/hosts:ro").unwrap();
        let seen: Vec<_> =
            volumes.iter().map(|v| (v.source.as_str(), v.target.as_str(), v.read_only)).collect();
        assert_eq!(seen, [("data", "/data", false), ("/etc/hosts", "/etc/hosts", true)]);
    }

    #[test]
    fn a_bad_item_is_told_with_its_rule() {
        for (text, rule) in [
            ("data", "item \"data\": the form is SOURCE:TARGET or SOURCE:TARGET:ro"),
            ("data:/d:z", "item \"data:/d:z\": no option \"z\"; known: ro, rw"),
            ("data:d", "item \"data:d\": target \"d\" is no absolute path below / of the container"),
            (
                "./x:/d",
                "item \"./x:/d\": source \"./x\" is neither a volume's name nor an absolute path of the host",
            ),
            ("aa:/d,bb:/d", "aa and bb have the same target /d"),
        ] {
            assert_eq!(volumes(text), Err(rule.to_owned()));
        }
    }
}
