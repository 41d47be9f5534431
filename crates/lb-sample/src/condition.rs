//! Conditions: `if` or `unless` and ACLs.

use crate::{Acl, Context, SampleError, Sources};

/// An `if`/`unless` condition. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Condition;

impl Condition {
    /// Reads `if|unless` and the words after it. `known` are the section's ACLs, several of one name
    /// included; predefined names (`TRUE`, `METH_GET`…) need no declaration.
    ///
    /// # Errors
    /// [`SampleError::word`] indexes `words`.
    pub fn parse<S: AsRef<str>>(words: &[S], known: &[Acl], sources: &Sources<'_>) -> Result<Self, SampleError> {
        let _ = (words, known, sources);
        Err(SampleError::new(""))
    }

    /// Whether the rule applies.
    pub fn eval(&self, ctx: &dyn Context) -> bool {
        let _ = ctx;
        false
    }

    /// Every ACL it uses, anonymous and predefined ones included (anonymous: empty name).
    pub fn acls(&self) -> impl Iterator<Item = &Acl> {
        std::iter::empty()
    }

    /// The first ACL that can only match in HTTP mode.
    pub fn requires_http(&self) -> Option<&Acl> {
        self.acls().find(|acl| acl.requires_http())
    }
}
