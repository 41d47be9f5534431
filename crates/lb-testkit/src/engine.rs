//! The two programs that tests run side by side.

use anyhow::Context;
use std::path::{Path, PathBuf};

/// Overrides the program under test: a path, or the word `haproxy` to run the suites oracle against oracle.
pub const SUBJECT_VARIABLE: &str = "LB_TEST_SUBJECT";
/// Overrides the oracle's path.
pub const ORACLE_VARIABLE: &str = "LB_TEST_ORACLE";

/// A HAProxy-compatible program: the one under test, or the oracle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Where it is.
    pub path: PathBuf,
    /// Whether the program is HAProxy itself, whose 2.6 answers differ in documented ways from 3.x.
    pub is_haproxy: bool,
}

impl Engine {
    /// The program under test: `lbd` from the target directory unless [`SUBJECT_VARIABLE`] says otherwise.
    ///
    /// # Errors
    /// When the program is not built.
    pub fn subject() -> anyhow::Result<Engine> {
        match std::env::var(SUBJECT_VARIABLE) {
            Ok(name) if name == "haproxy" => {
                Engine::oracle().context("the oracle was asked for in place of lbd, and is not installed")
            }
            Ok(path) => Ok(Engine { is_haproxy: path.contains("haproxy"), path: path.into() }),
            Err(_) => Ok(Engine { path: built("lbd")?, is_haproxy: false }),
        }
    }

    /// The real HAProxy, where one is installed.
    pub fn oracle() -> Option<Engine> {
        let named = std::env::var_os(ORACLE_VARIABLE).map(PathBuf::from);
        let path = named.unwrap_or_else(|| PathBuf::from("/usr/sbin/haproxy"));
        path.is_file().then_some(Engine { path, is_haproxy: true })
    }

    /// The program under test and, where installed, the oracle.
    ///
    /// # Errors
    /// When the program under test is not built.
    pub fn both() -> anyhow::Result<Vec<Engine>> {
        let mut engines = vec![Engine::subject()?];
        engines.extend(Engine::oracle());
        Ok(engines)
    }

    /// Name for messages.
    pub fn name(&self) -> &str {
        if self.is_haproxy { "haproxy" } else { "lbd" }
    }
}

/// A binary of the workspace: beside the running executable, or one directory above it (test binaries live in `deps/`).
///
/// # Errors
/// When it is not there, naming the command that builds it.
pub fn built(name: &str) -> anyhow::Result<PathBuf> {
    let me = std::env::current_exe()?;
    let here = me.parent().unwrap_or(Path::new("."));
    [Some(here), here.parent()]
        .into_iter()
        .flatten()
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not built beside {}: run `cargo build --workspace --bins`", me.display()))
}
