//! Image references, by the rules of `distribution/reference` (`reference.go`, `normalize.go`). An engine refuses others
//! with a less helpful message.

/// Checks that engines accept an image reference.
///
/// # Errors
/// The rule that `image` breaks.
pub(super) fn check(image: &str) -> Result<(), String> {
    let (named, digest) = match image.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (image, None),
    };
    let (name, tag) = match named.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (named, None),
    };
    check_name(name)?;
    tag.map_or(Ok(()), check_tag)?;
    digest.map_or(Ok(()), check_digest)
}

fn check_name(name: &str) -> Result<(), String> {
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if is_registry(first) => (Some(first), rest),
        _ => (None, name),
    };
    if let Some(registry) = registry.filter(|registry| !is_address(registry)) {
        return Err(format!("{registry:?} is not a registry address, such as registry.lab.test:5000"));
    }
    if path.bytes().any(|byte| byte.is_ascii_uppercase())
        && path.split('/').all(|part| is_part(&part.to_ascii_lowercase()))
    {
        return Err(format!("image names are lower case: write {}, not {path}", path.to_ascii_lowercase()));
    }
    if !path.split('/').all(is_part) {
        return Err("the form is IMAGE or IMAGE!COMMAND,ARGUMENT,...; the image must be a reference that Docker accepts, such as busybox, debian:12 or registry.lab.test:5000/web/shop:1.2".to_owned());
    }
    if name.len() > 255 { Err("an image's name has at most 255 characters".to_owned()) } else { Ok(()) }
}

/// The first part is a registry if it cannot be a user name (`splitDockerDomain`). Newer engines also accept upper-case
/// letters in it, older ones do not.
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':'])
}

fn is_address(registry: &str) -> bool {
    let (host, port) = match registry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((six, port)) if six.parse::<std::net::Ipv6Addr>().is_ok() => ("six", port.strip_prefix(':')),
        Some(_) => return false,
        None => registry.split_once(':').map_or((registry, None), |(host, port)| (host, Some(port))),
    };
    let is_label = |label: &str| {
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    host.split('.').all(is_label) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Lower-case letters and digits, separated by `.`, `_`, `__` or any number of `-`.
fn is_part(part: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let separators = part.split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    let fits =
        |between: &str| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-');
    part.bytes().next().is_some_and(is_word)
        && part.bytes().last().is_some_and(is_word)
        && separators.into_iter().all(fits)
}

fn check_tag(tag: &str) -> Result<(), String> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let fits = tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || b".-".contains(&byte));
    if fits {
        Ok(())
    } else {
        Err(format!(
            "tag {tag:?}: 1 to 128 letters, digits, '_', '.' or '-' are needed, the first not '.' or '-'"
        ))
    }
}

/// A digest of an algorithm that engines verify (opencontainers `go-digest`, `algorithm.go`).
fn check_digest(digest: &str) -> Result<(), String> {
    let form = || "a digest is written as sha256: and 64 lower-case hexadecimal digits".to_owned();
    let (algorithm, digits) = digest.split_once(':').ok_or_else(form)?;
    let wanted = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Err(form()),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return Err(form());
    }
    let found = digits.len();
    if found == wanted {
        Ok(())
    } else {
        Err(format!("a {algorithm} digest has {wanted} hexadecimal digits, not {found}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_takes_is_taken() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        for image in [
            "busybox",
            "mn:5000/a/b:1",
            "Registry.lab.test/web/shop:V1.2",
            "localhost/x",
            "[fd00::1]:5000/x",
            "a__b/c--d.e",
            "fe1",
            &digest,
            &format!("busybox@{digest}"),
            &format!("mn:5000/a:1@{digest}"),
        ] {
            assert_eq!(check(image), Ok(()), "{image}");
        }
    }

    #[test]
    fn what_can_never_work_is_refused_with_its_rule() {
        let digest = "0f".repeat(32);
        for (image, rule) in [
            ("Busybox", "image names are lower case: write busybox, not Busybox".to_owned()),
            ("Web/shop", "image names are lower case: write web/shop, not Web/shop".to_owned()),
            ("mn:5000/Web/Shop:1", "image names are lower case: write web/shop, not Web/Shop".to_owned()),
            ("busybox@sha256:abc", "a sha256 digest has 64 hexadecimal digits, not 3".to_owned()),
            (
                &format!("busybox@sha256:{digest}0"),
                "a sha256 digest has 64 hexadecimal digits, not 65".to_owned(),
            ),
            (
                &format!("busybox@sha512:{digest}"),
                "a sha512 digest has 128 hexadecimal digits, not 64".to_owned(),
            ),
            (
                &format!("busybox@{digest}"),
                "a digest is written as sha256: and 64 lower-case hexadecimal digits".to_owned(),
            ),
            (
                "busybox:-1",
                "tag \"-1\": 1 to 128 letters, digits, '_', '.' or '-' are needed, the first not '.' or '-'"
                    .to_owned(),
            ),
            ("-x.test/a", "\"-x.test\" is not a registry address, such as registry.lab.test:5000".to_owned()),
        ] {
            assert_eq!(check(image), Err(rule));
        }
        for image in ["", "!sh", "a//b", "a..b", "-a", "a-", "bus y", "a/", "é"] {
            assert!(check(image).unwrap_err().starts_with("the form is IMAGE or IMAGE!COMMAND"), "{image}");
        }
    }
}
