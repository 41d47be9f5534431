//! `lbctl convert`.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::convert::{self, Dialect, Wishes};
use crate::exit::Exit;
use crate::fault::Fault;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Upstreams, balancers, their checks, addresses, names and paths are carried over; whatever has no \
                        counterpart is named in comments and on standard error, and the exit status is 7. Look at the \
                        result, then try it: lbd -c -f FILE.\n\nExamples:\n  lbctl convert /etc/nginx/nginx.conf -o \
                        lbd.cfg\n  lbctl convert --from httpd - < httpd.conf"
)]
pub struct Args {
    /// The configuration; - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Whose configuration it is, if the file's name and text do not tell
    #[arg(long, value_enum, value_name = "SERVER")]
    pub from: Option<Dialect>,
    /// Where the result goes instead of standard output
    #[arg(short = 'O', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// With lbd's own max-fails and fail-timeout where HAProxy needs checks
    #[arg(long)]
    pub own_words: bool,
}

/// Runs it.
///
/// # Errors
/// When the configuration cannot be read, the result cannot be written, or something was not carried over.
pub fn run(args: &Args) -> Result<(), Fault> {
    let name = args.file.display().to_string();
    let is_stdin = name == "-";
    let text = match is_stdin {
        true => {
            let mut text = String::new();
            io::stdin().lock().read_to_string(&mut text).map(|_| text)
        }
        false => fs::read(&args.file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    };
    let text = text.map_err(|error| Fault::usage(format!("cannot read {name}: {error}")))?;
    let dialect = args.from.unwrap_or_else(|| match name {
        _ if name.contains("nginx") => Dialect::Nginx,
        _ if name.contains("httpd") || name.contains("apache") => Dialect::Httpd,
        _ => Dialect::of(&text),
    });
    let folder = args.file.parent().filter(|_| !is_stdin).unwrap_or(Path::new("")).to_owned();
    let include = |pattern: &str| included(&folder, pattern);
    let plan = convert::convert(dialect, &text, Wishes { own_words: args.own_words }, &include)
        .map_err(|error| Fault::new(Exit::Refused, format!("{name}: {error}")))?;
    let source = args.file.file_name().map_or_else(|| name.clone(), |name| name.to_string_lossy().into_owned());
    let result = plan.text(if is_stdin { "standard input" } else { &source });
    match &args.out {
        Some(out) => fs::write(out, result)
            .map_err(|error| Fault::new(Exit::Refused, format!("cannot write {}: {error}", out.display())))?,
        None => io::stdout().lock().write_all(result.as_bytes())?,
    }
    let lost: Vec<String> = plan
        .findings
        .iter()
        .filter(|finding| finding.lost)
        .map(|finding| format!("line {}: {}: {}", finding.line, finding.what, finding.why))
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    let what = if lost.len() == 1 { "one directive was" } else { "some directives were" };
    Err(Fault::new(Exit::Partial, format!("{what} not carried over from {name}")).details(lost))
}

/// The files that an `include` names: a path, whose last part may hold one `*`.
fn included(folder: &Path, pattern: &str) -> Option<Vec<(String, String)>> {
    let path = folder.join(pattern);
    let name = path.file_name()?.to_string_lossy().into_owned();
    let read = |path: &Path| {
        let bytes = fs::read(path).ok()?;
        Some((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()))
    };
    // A list of types says nothing about where requests go.
    if name == "mime.types" {
        return Some(Vec::new());
    }
    let Some((begin, end)) = name.split_once('*') else { return Some(vec![read(&path)?]) };
    let mut found: Vec<PathBuf> = fs::read_dir(path.parent()?)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
        })
        .collect();
    found.sort();
    Some(found.iter().filter_map(|path| read(path)).collect())
}
