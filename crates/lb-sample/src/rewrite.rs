//! Values replaced where a regular expression matches: the `replace-*` actions.

use crate::convert::expand;
use crate::{SampleError, args};
use regex::bytes::Regex;

/// The expression of a `replace-*` action.
#[derive(Debug, Clone)]
pub struct Rewrite(Regex);

impl Rewrite {
    /// Reads the expression.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(regex: &str) -> Result<Self, SampleError> {
        args::regex(regex, false).map(Self)
    }

    /// Whether a value matches.
    pub fn matches(&self, value: &[u8]) -> bool {
        self.0.is_match(value)
    }

    /// What takes the place of the whole value, `\\1` to `\\9` standing for groups; `None` when it does not match.
    pub fn apply(&self, value: &[u8], replacement: &[u8]) -> Option<Vec<u8>> {
        let groups = self.0.captures(value)?;
        let mut out = Vec::new();
        expand(replacement, &groups, &mut out);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_matches_is_replaced_as_a_whole() {
        let rewrite = Rewrite::parse("/(a)(/.*)?").unwrap_or_else(|e| unreachable!("{e}"));
        assert_eq!(rewrite.apply(b"/a/b", b"\\2/x\\1"), Some(b"/b/xa".to_vec()));
        assert_eq!(rewrite.apply(b"/b", b"x"), None);
    }
}
