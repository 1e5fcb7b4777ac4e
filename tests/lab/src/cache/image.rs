//! An image for hosts that cannot pull one: `busybox:latest`, made of Debian's busybox-static. It has the same
//! id on every host, because it is made of the same bytes.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use process::{Command, ExecuteError};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::cache::apt::{Apt, AptError};
use crate::cache::entry::{Entry, EntryError};

/// How making the image failed.
#[derive(Debug, Error)]
pub enum ImageError {
    /// The cache.
    #[error("cannot keep the image in the cache")]
    Entry(#[from] EntryError),
    /// The download.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// tar, or the package.
    #[error("cannot put the image together")]
    Pack(#[source] Box<ExecuteError>),
    /// A file.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

const FORMAT: &str = "1";
const BUILD: &str = include_str!("../../files/busybox-layer");

/// The name of the image's file in its entry: what `docker load` takes.
pub const FILE: &str = "busybox.tar";

/// The entry of the image.
pub fn entry(cache: &Path, suite: &str) -> Entry {
    Entry::new(cache, &format!("image-{suite}"), [FORMAT, suite, BUILD], &[FILE])
}

/// Builds it in an empty directory.
///
/// # Errors
/// What apt or tar said.
pub async fn build(apt: &Apt, root: &Path, half: &Path) -> Result<(), ImageError> {
    apt.download(root, &["busybox-static".to_owned()], &half.join("debs")).await?;
    run(half, BUILD).await?;
    let layer = half.join("layer.tar");
    let bytes = std::fs::read(&layer).map_err(at("read", &layer))?;
    for (name, content) in metadata(&hexadecimal(&Sha256::digest(&bytes))) {
        let path = half.join(name);
        std::fs::write(&path, content).map_err(at("write", &path))?;
    }
    run(half, PACK).await
}

/// The archive of `docker save`, whose format is moby's image/tarexport.
const PACK: &str =
    "tar --create --file=busybox.tar --owner=0 --group=0 --mtime=@0 manifest.json config.json layer.tar
rm -rf debs manifest.json config.json layer.tar";

fn metadata(digest: &str) -> [(&'static str, String); 2] {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": { "Cmd": ["sh"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest}")] },
        "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "busybox-static" }],
    });
    let manifest =
        json!([{ "Config": "config.json", "RepoTags": ["busybox:latest"], "Layers": ["layer.tar"] }]);
    [("config.json", config.to_string()), ("manifest.json", manifest.to_string())]
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn run(directory: &Path, script: &str) -> Result<(), ImageError> {
    let command = Command::new("sh", Duration::from_secs(120))
        .args(["-ec", "cd \"$1\"; eval \"$2\"", "image"])
        .args([directory.as_os_str(), script.as_ref()]);
    command.execute().await.map(drop).map_err(|source| ImageError::Pack(source.into()))
}

fn at<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> ImageError + 'a {
    move |source| ImageError::File { operation, path: path.to_owned(), source }
}
