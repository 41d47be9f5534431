//! A command on its way to whoever carries it out.

use lb_model::Level;

use crate::anon::Anon;
use crate::reply::{Reply, text};
use crate::table::CommandId;

/// A command whose words are known and whose level was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which command.
    pub id: CommandId,
    /// All its words, the command's own first.
    pub words: Vec<String>,
    /// The payload: its lines, each with its line feed, without the one that ended it.
    pub payload: Option<Vec<u8>>,
    /// The level of the connection.
    pub level: Level,
    /// Whether expert mode is on.
    pub expert: bool,
    /// Whether experimental mode is on.
    pub experimental: bool,
    /// How the connection wants names shown.
    pub anon: Anon,
}

impl Request {
    /// The words after the command's own.
    pub fn args(&self) -> &[String] {
        self.words.get(self.id.command().word_count()..).unwrap_or_default()
    }

    /// An argument by its position; empty if it is missing, as most commands treat both alike.
    pub fn arg(&self, position: usize) -> &str {
        self.args().get(position).map_or("", String::as_str)
    }

    /// The first argument as `backend/server`.
    ///
    /// # Errors
    /// The answer to give when it is not one.
    pub fn server(&self) -> Result<(&str, &str), Reply> {
        match self.arg(0).split_once('/') {
            Some((backend, server)) if !backend.is_empty() && !server.is_empty() => Ok((backend, server)),
            _ => Err(Reply::err(text::REQUIRE_BACKEND_SERVER)),
        }
    }
}
