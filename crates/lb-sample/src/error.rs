//! What is wrong with an ACL, a condition, an expression or a log format.

/// A refused piece of configuration: which word, why, and what would cure it.
///
/// `message` is worded as HAProxy words it, so that it can follow `parsing [file:line] : `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SampleError {
    /// Index of the faulty word among the words given to the parser.
    pub word: usize,
    /// Byte offset of the fault inside that word.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead, when something close exists.
    pub help: Option<String>,
}

impl SampleError {
    /// An error at the first word.
    pub fn new(message: impl Into<String>) -> Self {
        Self { word: 0, offset: 0, message: message.into(), help: None }
    }

    /// The same error at another word.
    #[must_use]
    pub fn at(mut self, word: usize) -> Self {
        self.word = word;
        self
    }

    /// The same error further inside its word.
    #[must_use]
    pub fn shifted(mut self, offset: usize) -> Self {
        self.offset += offset;
        self
    }

    /// With words put before the message, as HAProxy nests them.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.message = format!("{outer} : {}", self.message);
        self
    }

    /// With a cure.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
