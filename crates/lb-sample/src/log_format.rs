//! Log formats: text with `%` aliases and `%[…]` expressions.

use crate::{Context, Needs, Reference, SampleError, Sources};

/// A parsed format. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogFormat;

impl LogFormat {
    /// `option httplog`.
    pub const HTTP: &'static str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc \
                                    %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
    /// `option httplog clf`.
    pub const HTTP_CLF: &'static str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s \
                                        %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";
    /// `option tcplog`.
    pub const TCP: &'static str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";

    /// Reads a format.
    ///
    /// # Errors
    /// [`SampleError::offset`] is the byte where the fault is.
    pub fn parse(text: &str, sources: &Sources<'_>) -> Result<Self, SampleError> {
        let _ = sources;
        Err(SampleError::new(text))
    }

    /// Appends a log line: what cannot be printed is escaped.
    pub fn render(&self, ctx: &dyn Context, out: &mut Vec<u8>) {
        let _ = (ctx, out);
    }

    /// Appends plain text for a header, a path or a location.
    pub fn render_value(&self, ctx: &dyn Context, out: &mut Vec<u8>) {
        let _ = (ctx, out);
    }

    /// The text, when the format is constant.
    pub fn as_constant(&self) -> Option<&[u8]> {
        None
    }

    /// What must be there for every part to have a value.
    pub fn needs(&self) -> Needs {
        Needs::NONE
    }

    /// The first part that only exists in HTTP mode, as written.
    pub fn requires_http(&self) -> Option<&str> {
        None
    }

    /// Objects named in arguments, for the caller to verify.
    pub fn references(&self) -> &[Reference] {
        &[]
    }
}
