//! Protocol versions, and files under their names.

use rustls::SupportedProtocolVersion;
use std::sync::Arc;

/// What a file held when it was read, and the name it is known by.
#[derive(Debug)]
pub struct Named<T> {
    /// The name.
    pub name: String,
    /// What it held.
    pub held: Arc<T>,
}

impl<T> Clone for Named<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), held: Arc::clone(&self.held) }
    }
}

/// A version of the protocol, old to recent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// SSL 3.0: named in configurations, spoken by nobody here.
    Ssl3,
    /// TLS 1.0, likewise.
    Tls10,
    /// TLS 1.1, likewise.
    Tls11,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl Version {
    /// All, old to recent.
    pub const ALL: [Self; 5] = [Self::Ssl3, Self::Tls10, Self::Tls11, Self::Tls12, Self::Tls13];

    /// By the word that `ssl-min-ver` takes.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == word)
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssl3 => "SSLv3",
            Self::Tls10 => "TLSv1.0",
            Self::Tls11 => "TLSv1.1",
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }
}

/// Which versions may be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Versions {
    /// `ssl-min-ver`, or `force-…`.
    pub min: Option<Version>,
    /// `ssl-max-ver`, or `force-…`.
    pub max: Option<Version>,
    /// `no-tlsv12`.
    pub no_tls12: bool,
    /// `no-tlsv13`.
    pub no_tls13: bool,
}

impl Versions {
    /// `force-…`: this version alone.
    pub fn force(&mut self, version: Version) {
        (self.min, self.max) = (Some(version), Some(version));
    }

    /// Those of them that can be spoken here; none: no connection can be made.
    pub fn spoken(&self) -> Vec<&'static SupportedProtocolVersion> {
        let within =
            |version: Version| self.min.is_none_or(|min| version >= min) && self.max.is_none_or(|max| version <= max);
        let mut spoken = Vec::new();
        if within(Version::Tls13) && !self.no_tls13 {
            spoken.push(&rustls::version::TLS13);
        }
        if within(Version::Tls12) && !self.no_tls12 {
            spoken.push(&rustls::version::TLS12);
        }
        spoken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spoken() {
        let spoken = |versions: Versions| versions.spoken().len();
        assert_eq!(spoken(Versions::default()), 2);
        assert_eq!(spoken(Versions { min: Some(Version::Ssl3), ..Versions::default() }), 2);
        assert_eq!(spoken(Versions { max: Some(Version::Tls12), ..Versions::default() }), 1);
        assert_eq!(spoken(Versions { max: Some(Version::Tls11), ..Versions::default() }), 0);
        assert_eq!(spoken(Versions { no_tls12: true, max: Some(Version::Tls12), ..Versions::default() }), 0);
        let mut forced = Versions::default();
        forced.force(Version::Tls13);
        assert_eq!(forced.spoken(), [&rustls::version::TLS13]);
    }
}
