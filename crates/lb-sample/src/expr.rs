//! Sample expressions: a fetch and its converters.

use crate::{Context, Needs, Reference, Sample, SampleError, Sources};

/// A sample expression, as in `%[…]`, `balance hash …` or the criterion of an ACL. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Expr;

impl Expr {
    /// Reads `fetch(args),converter(args),…`.
    ///
    /// # Errors
    /// [`SampleError`] names the unknown word or the wrong argument, in HAProxy's words.
    pub fn parse(text: &str, sources: &Sources<'_>) -> Result<Self, SampleError> {
        let _ = sources;
        Err(SampleError::new(text))
    }

    /// The value, or `None` when what it is taken from is not there.
    pub fn eval<'a>(&'a self, ctx: &'a dyn Context) -> Option<Sample<'a>> {
        let _ = ctx;
        None
    }

    /// What must be there for a value.
    pub fn needs(&self) -> Needs {
        Needs::NONE
    }

    /// Objects named in arguments, for the caller to verify.
    pub fn references(&self) -> &[Reference] {
        &[]
    }
}
