//! Images, by whole reference: the engine treats a name without a match as an ID prefix (moby
//! `daemon/images/image.go`, `GetImage`).

use bollard::models::ImageInspect;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt as _;

use super::{Engine, EngineError};

/// Reference for requests: one that may be an ID prefix gets an explicit tag.
pub(crate) fn reference(image: &str) -> String {
    match image.split_once(':') {
        None if is_hex(image) && !is_digest(image) => format!("{image}:{LATEST}"),
        // ambiguous: an ID prefix, or repository and tag
        Some(("sha256", tag)) if is_hex(tag) && !is_digest(tag) => format!("{HUB}sha256:{tag}"),
        _ => image.to_owned(),
    }
}

const LATEST: &str = "latest";

/// Prefix that the engine omits in references.
const HUB: &str = "docker.io/library/";

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_digest(text: &str) -> bool {
    text.len() == 64
}

/// Whether a found image has the requested reference.
fn has_reference(found: &ImageInspect, image: &str) -> bool {
    let shown = |text: &str| {
        let text = text.strip_prefix("index.").unwrap_or(text);
        let text = text.strip_prefix(HUB).or_else(|| text.strip_prefix("docker.io/")).unwrap_or(text);
        text.to_owned()
    };
    let digits = image.strip_prefix("sha256:").unwrap_or(image);
    if is_hex(digits) && is_digest(digits) {
        return found.id.as_deref().is_some_and(|id| id.ends_with(digits));
    }
    if let Some((named, digest)) = image.split_once('@') {
        let name = named.rsplit_once('/').map_or(named, |(_, last)| last);
        let tag = name.split_once(':').map_or(0, |(_, tag)| tag.len() + 1);
        let wanted = shown(&format!("{}@{digest}", &named.get(..named.len() - tag).unwrap_or(named)));
        return found.repo_digests.iter().flatten().any(|of| shown(of) == wanted);
    }
    let wanted = shown(&tagged(image));
    found.repo_tags.iter().flatten().any(|of| shown(of) == wanted)
}

fn tagged(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains(':') { image.to_owned() } else { format!("{image}:{LATEST}") }
}

impl Engine {
    /// Whether the host has an image with exactly this reference.
    pub(crate) async fn has_image(&self, image: &str) -> Result<bool, EngineError> {
        self.version().await?;
        match self.docker.inspect_image(&reference(image)).await.map_err(|error| self.error(error)) {
            Ok(found) => Ok(has_reference(&found, image)),
            Err(error) if error.is_absence() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Pulls an image from its registry.
    pub(crate) async fn pull(&self, image: &str) -> Result<(), EngineError> {
        let is_whole = image.contains('@') || image.rsplit('/').next().is_some_and(|last| last.contains(':'));
        let mut options = CreateImageOptionsBuilder::default().from_image(image);
        if !is_whole {
            // without a tag Docker's API pulls all tags
            options = options.tag(LATEST);
        }
        let stream = self.docker.create_image(Some(options.build()), None, None);
        stream.try_for_each(|_| async { Ok(()) }).await.map_err(|error| self.error(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_the_beginning_of_an_id_is_asked_for_with_its_tag() {
        let digest = "0f".repeat(32);
        for (image, asked) in [
            ("fe1", "fe1:latest"),
            ("deadbeef", "deadbeef:latest"),
            ("busybox", "busybox"),
            ("fe1:2", "fe1:2"),
            ("reg:5000/fe1", "reg:5000/fe1"),
            ("sha256:fe1", "docker.io/library/sha256:fe1"),
            (&digest, &digest),
        ] {
            assert_eq!(reference(image), asked);
        }
    }

    #[test]
    fn an_image_found_by_its_id_is_not_the_image_of_that_name() {
        let digest = format!("sha256:{}", "fe1".repeat(22).get(..64).unwrap());
        let found = ImageInspect {
            id: Some(digest.clone()),
            repo_tags: Some(vec!["busybox:latest".into(), "reg:5000/x/y:2".into()]),
            repo_digests: Some(vec![format!("busybox@{digest}")]),
            ..ImageInspect::default()
        };
        for image in [
            "busybox",
            "busybox:latest",
            "docker.io/library/busybox",
            "docker.io/busybox",
            "index.docker.io/library/busybox:latest",
            "reg:5000/x/y:2",
            &digest,
            digest.trim_start_matches("sha256:"),
            &format!("busybox@{digest}"),
            &format!("busybox:old@{digest}"),
        ] {
            assert!(has_reference(&found, image), "{image}");
        }
        for image in ["fe1", "fe1:latest", "busybox:1", "y:2", "reg:5000/x/y", "sha256:fe1"] {
            assert!(!has_reference(&found, image), "{image}");
        }
    }
}
