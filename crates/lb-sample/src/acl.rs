//! ACLs: an expression compared with patterns.

use crate::{Context, Needs, Reference, SampleError, Sources};

/// One `acl` line: a name, a criterion, patterns. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Acl;

impl Acl {
    /// Reads the words after `acl`: name, criterion, flags, operator, values.
    /// Several lines of one name are alternatives; keep them all in declaration order.
    ///
    /// # Errors
    /// [`SampleError::word`] indexes `words`.
    pub fn parse<S: AsRef<str>>(words: &[S], sources: &Sources<'_>) -> Result<Self, SampleError> {
        let _ = (words, sources);
        Err(SampleError::new(""))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        ""
    }

    /// The criterion as written (`hdr(host)`), for messages.
    pub fn criterion(&self) -> &str {
        ""
    }

    /// Whether it matches.
    pub fn eval(&self, ctx: &dyn Context) -> bool {
        let _ = ctx;
        false
    }

    /// What must be there for it ever to match.
    pub fn needs(&self) -> Needs {
        Needs::NONE
    }

    /// Whether it can only match in HTTP mode.
    pub fn requires_http(&self) -> bool {
        self.needs().http()
    }

    /// Objects named in arguments, for the caller to verify.
    pub fn references(&self) -> &[Reference] {
        &[]
    }
}
