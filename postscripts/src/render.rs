//! Renders the files that xdock writes on a host. Templates are embedded, at the path of their file, and
//! administrators may override them under [`OVERRIDES`]. Only this module uses the template engine.

use std::path::{Path, PathBuf};

use durable::FileError;
use rust_embed::Embed;
use serde::Serialize;
use tera::{Context, Tera};
use thiserror::Error;

/// Directory of the administrator's templates, at the same relative paths.
pub const OVERRIDES: &str = "/etc/xdock/templates";

#[derive(Embed)]
#[folder = "../templates"]
struct Embedded;

/// A template cannot be rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// The override exists but cannot be read.
    #[error("the administrator's template cannot be read")]
    Read(#[from] FileError),
    /// No such template exists.
    #[error("no template {0:?} exists")]
    Unknown(String),
    /// The template uses `default`, which hides a misspelt variable.
    #[error("template {0} uses the filter \"default\", which hides misspelt variables; use {{% if %}}")]
    Default(String),
    /// The template is wrong. The source has line and column.
    #[error("cannot render the template {name}")]
    Render {
        /// Name of the template, or path of the override.
        name: String,
        /// Position and cause.
        #[source]
        source: tera::Error,
    },
}

/// The templates, embedded and overridden.
#[derive(Debug, Clone)]
pub struct Templates {
    overrides: PathBuf,
}

impl Templates {
    /// Templates with the overrides below this directory.
    pub fn new(overrides: &Path) -> Self {
        Self { overrides: overrides.to_owned() }
    }

    /// Renders the template `name` (a path without its leading `/`) with these values.
    ///
    /// # Errors
    /// The template, with line and column.
    pub fn render<T: Serialize>(&self, name: &str, values: &T) -> Result<String, RenderError> {
        let (named, text) = self.text(name)?;
        if uses_default(&text) {
            return Err(RenderError::Default(named));
        }
        let context = Context::from_serialize(values);
        let rendered = context.and_then(|context| Tera::one_off(&text, &context, false));
        rendered.map_err(|source| RenderError::Render { name: named, source })
    }

    fn text(&self, name: &str) -> Result<(String, String), RenderError> {
        let path = self.overrides.join(name);
        match durable::read_text(&path)? {
            Some(text) => Ok((path.display().to_string(), text)),
            None => embedded(name),
        }
    }
}

fn embedded(name: &str) -> Result<(String, String), RenderError> {
    let file = Embedded::get(name).ok_or_else(|| RenderError::Unknown(name.to_owned()))?;
    Ok((name.to_owned(), String::from_utf8_lossy(&file.data).into_owned()))
}

/// Whether it pipes into `default`, with any blanks.
fn uses_default(text: &str) -> bool {
    text.split('|').skip(1).any(|after| after.trim_start().starts_with("default"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Values {
        name: &'static str,
    }

    fn overridden(text: &str) -> (tempfile::TempDir, Templates) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("file"), text).unwrap();
        let templates = Templates::new(directory.path());
        (directory, templates)
    }

    #[test]
    fn an_override_stands_before_the_embedded_one() {
        let (_keep, templates) = overridden("<{{ name }} & co>\n");
        assert_eq!(templates.render("file", &Values { name: "a" }).unwrap(), "<a & co>\n");
    }

    #[test]
    fn misspelt_variables_are_errors() {
        let (keep, templates) = overridden("{{ nmae }}\n");
        let error = templates.render("file", &Values { name: "a" }).unwrap_err();
        let path = keep.path().join("file");
        assert_eq!(error.to_string(), format!("cannot render the template {}", path.display()));
        let (_keep, templates) = overridden("{{ nmae |  default(value=1) }}\n");
        let error = templates.render("file", &Values { name: "a" }).unwrap_err();
        assert!(matches!(error, RenderError::Default(_)), "{error}");
    }

    #[test]
    fn an_unknown_template_is_named() {
        let error = Templates::new(Path::new("/nonexistent")).render("etc/nosuch", &()).unwrap_err();
        assert_eq!(error.to_string(), "no template \"etc/nosuch\" exists");
    }
}
