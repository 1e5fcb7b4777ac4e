//! A directory of packages without an index. The package list comes from the web server. For apt an index is
//! created, because apt needs one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use process::Command;

use super::error::DockerError;
use crate::fetch::{Server, digest};

/// Copy of the directory during the installation.
const COPY: &str = "/var/lib/xdock/apt/flat";
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Debian's names of architectures (dpkg's cputable).
const ARCHES: [(&str, &str); 4] =
    [("x86_64", "amd64"), ("aarch64", "arm64"), ("powerpc64", "ppc64el"), ("s390x", "s390x")];

/// RPMs for this host, by name: `NAME-VERSION-RELEASE.ARCH.rpm`.
pub(super) fn rpms(listing: &str) -> Vec<(String, String)> {
    let package = |file: &str| {
        let (rest, arch) = file.strip_suffix(".rpm")?.rsplit_once('.')?;
        let (rest, _release) = rest.rsplit_once('-')?;
        let (name, _version) = rest.rsplit_once('-')?;
        let fits = [std::env::consts::ARCH, "noarch"].contains(&arch);
        fits.then(|| (name.to_owned(), file.to_owned()))
    };
    files(listing).filter_map(package).collect()
}

/// Debian packages for this host, by name: `NAME_VERSION_ARCH.deb`.
pub(super) fn debs(listing: &str) -> Vec<(String, String)> {
    let ours = ARCHES.iter().find(|(machine, _)| *machine == std::env::consts::ARCH).map(|(_, name)| *name);
    let package = |file: &str| {
        let (rest, arch) = file.strip_suffix(".deb")?.rsplit_once('_')?;
        let (name, _version) = rest.rsplit_once('_')?;
        let fits = arch == "all" || Some(arch) == ours;
        fits.then(|| (name.to_owned(), file.to_owned()))
    };
    files(listing).filter_map(package).collect()
}

/// Names in a web server's listing: `href="NAME"`.
fn files(listing: &str) -> impl Iterator<Item = &str> {
    let name = |rest: &'_ str| -> Option<usize> { rest.find(['"', '\'']) };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+~^%".contains(c);
    listing
        .split("href=")
        .skip(1)
        .map(|rest| rest.trim_start_matches(['"', '\'']).trim_start_matches("./"))
        .filter_map(move |rest| rest.get(..name(rest)?))
        .filter(move |file| file.chars().all(plain) && !file.starts_with('.'))
}

/// Copies the packages to this host, creates their index and returns its address.
pub(super) async fn index(
    server: &Server,
    path: &str,
    files: &[(String, String)],
) -> Result<String, DockerError> {
    let mut index = String::new();
    for (_, file) in files {
        let from = format!("{path}/{file}");
        let missing = || DockerError::Gone(server.url(&from));
        let bytes = server.find(&from).map_err(DockerError::Look)?.ok_or_else(missing)?;
        let copy = PathBuf::from(COPY).join(file);
        durable::replace(&copy, &bytes, 0o644)?;
        index += &paragraph(&control(&copy).await?, file, &bytes);
    }
    durable::replace(&Path::new(COPY).join("Packages"), index.as_bytes(), 0o644)?;
    Ok(format!("file:{COPY}"))
}

/// Removes the copy. Remaining files only need space.
pub(super) fn clean() {
    let _ = std::fs::remove_dir_all(COPY);
}

/// Control data of a package.
async fn control(deb: &Path) -> Result<String, DockerError> {
    let command = Command::new("dpkg-deb", READ_TIMEOUT).args(["--field".as_ref(), deb.as_os_str()]);
    let action = || format!("read the package {}", deb.display());
    let read = command.execute().await.map_err(|source| DockerError::Action { action: action(), source })?;
    Ok(read.text())
}

/// Entry of a package in an index (Debian's repository format, "Packages" indices).
fn paragraph(control: &str, file: &str, bytes: &[u8]) -> String {
    format!("{control}\nFilename: ./{file}\nSize: {}\nSHA256: {}\n\n", bytes.len(), digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_from_the_listings_of_nginx_and_apache() {
        let arch = std::env::consts::ARCH;
        let listing = format!(
            "<a href=\"../\">../</a>\n<a href=\"docker-ce-27.3.1-1.el9.{arch}.rpm\">docker-ce-27..</a> 22-Nov\n\
             <tr><td><a href='container-selinux-2.229.0-1.el9.noarch.rpm'>c</a></td></tr>\n\
             <a href=\"docker-ce-27.3.1-1.el9.s390x.rpm\">other</a><a href=\"README\">README</a>\n"
        );
        let wanted = [
            ("docker-ce".to_owned(), format!("docker-ce-27.3.1-1.el9.{arch}.rpm")),
            ("container-selinux".to_owned(), "container-selinux-2.229.0-1.el9.noarch.rpm".to_owned()),
        ];
        assert_eq!(rpms(&listing), wanted);
    }

    #[test]
    fn debs_are_those_for_this_machine_and_stay_in_the_directory() {
        let arch = debs_arch();
        let listing = format!(
            "<a href=\"docker.io_20.10.24+dfsg1-1_{arch}.deb\">x</a><a href=\"netbase_6.4_all.deb\">y</a>\n\
             <a href=\"docker.io_20.10.24_s390.deb\">z</a><a href=\"../x_1_all.deb\">up</a>\n"
        );
        let wanted = [
            ("docker.io".to_owned(), format!("docker.io_20.10.24+dfsg1-1_{arch}.deb")),
            ("netbase".to_owned(), "netbase_6.4_all.deb".to_owned()),
        ];
        assert_eq!(debs(&listing), wanted);
        assert_eq!(debs("href="), []);
    }

    fn debs_arch() -> &'static str {
        ARCHES.iter().find(|(machine, _)| *machine == std::env::consts::ARCH).unwrap().1
    }
}
