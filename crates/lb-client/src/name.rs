//! A server's full name.

use std::fmt;
use std::str::FromStr;

/// `backend/server`, both by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerName {
    /// Backend's name.
    pub backend: String,
    /// Server's name.
    pub server: String,
}

/// Why a text does not name a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No slash, or one side is empty.
    #[error("'{0}' is not of the form backend/server")]
    Form(String),
    /// `#id`: an id names another server after a reload or when a server is removed.
    #[error("'{0}' uses an id; servers are addressed by name")]
    Id(String),
    /// A character no name may hold.
    #[error("'{0}' holds a character that names do not have")]
    Character(String),
}

impl ServerName {
    /// From its two parts.
    pub fn new(backend: impl Into<String>, server: impl Into<String>) -> Self {
        Self { backend: backend.into(), server: server.into() }
    }
}

impl FromStr for ServerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (backend, server) = text.split_once('/').ok_or_else(|| NameError::Form(text.to_owned()))?;
        if backend.is_empty() || server.is_empty() || server.contains('/') {
            return Err(NameError::Form(text.to_owned()));
        }
        if backend.starts_with('#') || server.starts_with('#') {
            return Err(NameError::Id(text.to_owned()));
        }
        if !lb_model::is_valid_name(backend) || !lb_model::is_valid_name(server) {
            return Err(NameError::Character(text.to_owned()));
        }
        Ok(Self::new(backend, server))
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let parse = |t: &str| t.parse::<ServerName>().map(|n| n.to_string()).map_err(|e| e.to_string());
        assert_eq!(parse("app/web1"), Ok("app/web1".into()));
        assert_eq!(parse("app"), Err("'app' is not of the form backend/server".into()));
        assert_eq!(parse("app/"), Err("'app/' is not of the form backend/server".into()));
        assert_eq!(parse("a/b/c"), Err("'a/b/c' is not of the form backend/server".into()));
        assert_eq!(parse("app/#1"), Err("'app/#1' uses an id; servers are addressed by name".into()));
        assert_eq!(parse("app/we b"), Err("'app/we b' holds a character that names do not have".into()));
    }
}
