//! Configurations of nginx and Apache httpd as a haproxy.cfg: upstreams and balancers, the addresses and names that lead
//! to them, their checks. What has no counterpart is named, never dropped in silence.
//!
//! Pure: text and included files in, text and findings out.

mod httpd;
mod httpd_words;
mod nginx;
mod nginx_location;
mod nginx_words;
mod plan;

pub use plan::Plan;

/// Whose configuration a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Dialect {
    /// nginx
    Nginx,
    /// Apache httpd
    Httpd,
}

impl Dialect {
    /// Told by the text itself: httpd's has sections in angle brackets, or directives without semicolons.
    pub fn of(text: &str) -> Self {
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let ends = lines().filter(|line| line.ends_with([';', '{', '}'])).count();
        if ends * 2 > lines().count() { Self::Nginx } else { Self::Httpd }
    }
}

/// How the result is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// With lbd's own keywords where HAProxy has none.
    pub own_words: bool,
}

/// Reads a file that a configuration includes; a pattern may name several. `None`: there is none.
pub type Include<'a> = &'a dyn Fn(&str) -> Option<Vec<(String, String)>>;

/// Converts a configuration.
///
/// # Errors
/// When the text cannot be read at all: where, and what is wrong.
pub fn convert(dialect: Dialect, text: &str, wishes: Wishes, include: Include<'_>) -> Result<Plan, String> {
    match dialect {
        Dialect::Nginx => nginx::convert(text, wishes, include),
        Dialect::Httpd => httpd::convert(text, wishes),
    }
}

#[cfg(test)]
mod tests;
