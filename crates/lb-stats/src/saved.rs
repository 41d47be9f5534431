//! The server-state file as a start reads it.
//!
//! Other than an answer of an admin socket, the file is read by position, whatever its header says, and as a whole:
//! one broken line makes it worthless, as nobody knows what else is broken. These rules, and which values are
//! impossible, were observed on a running HAProxy.

use std::net::IpAddr;

use lb_model::{AdminState, CheckStatus, MAX_WEIGHT, OpState};

/// Columns that a line must have; those after them came later.
const FEWEST_COLUMNS: usize = 20;

/// Why a file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateFileFault {
    /// The first line is not the number of a known version.
    Version,
    /// This line, counted from 1, is broken or not whole.
    Line(usize),
}

/// A server's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedLine<'a> {
    cells: Vec<&'a str>,
}

/// What a server's line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedServer {
    /// Address at that time.
    pub address: Option<IpAddr>,
    /// Port at that time.
    pub port: u16,
    /// Operational state.
    pub op: OpState,
    /// Administrative state.
    pub admin: AdminState,
    /// Weight in use.
    pub weight: u32,
    /// Weight of the configuration at that time.
    pub configured_weight: u32,
    /// Seconds since the state changed.
    pub age_s: u64,
    /// Last check's status.
    pub check_status: CheckStatus,
    /// Number of the last check's result.
    pub check_result: u8,
    /// Health counter.
    pub check_health: u32,
    /// Mask of the health check.
    pub check_state: u8,
    /// Mask of the agent check.
    pub agent_state: u8,
    /// Own address and port of the health check, or what cannot be read of it.
    pub check_target: Result<SavedTarget, String>,
    /// Own address and port of the agent check, or what cannot be read of it.
    pub agent_target: Result<SavedTarget, String>,
}

/// An address and a port that a check has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SavedTarget {
    /// Address.
    pub address: Option<IpAddr>,
    /// Port.
    pub port: Option<u16>,
}

/// Cuts a file into the lines of its servers.
///
/// # Errors
/// When the file is not one of this version, or not whole.
pub fn read_state_file(bytes: &[u8]) -> Result<Vec<SavedLine<'_>>, StateFileFault> {
    let mut rest = bytes;
    let version = take_line(&mut rest).and_then(|line| line.parse::<u32>().ok());
    if version != Some(1) {
        return Err(StateFileFault::Version);
    }
    let mut lines = Vec::new();
    let mut number = 1;
    while !rest.is_empty() {
        number += 1;
        let line = take_line(&mut rest).ok_or(StateFileFault::Line(number))?;
        let cells: Vec<&str> = line.split([' ', '\t']).filter(|cell| !cell.is_empty()).collect();
        if cells.first().is_none_or(|first| first.starts_with('#')) {
            continue;
        }
        if cells.len() < FEWEST_COLUMNS {
            return Err(StateFileFault::Line(number));
        }
        lines.push(SavedLine { cells });
    }
    Ok(lines)
}

/// Takes a whole line of text off the beginning; a line without its end was cut off.
fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().position(|&b| b == b'\n')?;
    let line = rest.get(..end)?;
    *rest = rest.get(end + 1..)?;
    let text = std::str::from_utf8(line).ok()?;
    (!text.contains(['\0', '\r'])).then_some(text)
}

impl<'a> SavedLine<'a> {
    /// The backend's name.
    pub fn backend(&self) -> &'a str {
        self.cell(1)
    }

    /// The server's name.
    pub fn server(&self) -> &'a str {
        self.cell(3)
    }

    /// What the line says.
    ///
    /// # Errors
    /// A sentence for each impossible value.
    pub fn read(&self) -> Result<SavedServer, Vec<String>> {
        let mut faults = Vec::new();
        let op = self.number("srv_op_state", 5, &mut faults, OpState::from_number);
        let admin = self.number("srv_admin_state", 6, &mut faults, admin_state);
        let weight = self.number("srv_uweight", 7, &mut faults, |n: u32| (n <= MAX_WEIGHT).then_some(n));
        let configured_weight = self.number("srv_iweight", 8, &mut faults, Some::<u32>);
        let age_s = self.number("srv_last_time_change", 9, &mut faults, Some::<u64>);
        let check_status = self.number("srv_check_status", 10, &mut faults, CheckStatus::from_number);
        let check_result = self.number("srv_check_result", 11, &mut faults, |n: u8| (n <= 4).then_some(n));
        // Negative health was seen in the files of some versions.
        let check_health = self.number("srv_check_health", 12, &mut faults, |n: i32| Some(n.max(0).unsigned_abs()));
        let check_state = self.number("srv_check_state", 13, &mut faults, |n: u8| (n < 32).then_some(n));
        let agent_state = self.number("srv_agent_state", 14, &mut faults, |n: u8| (n < 32).then_some(n));
        self.number("bk_f_forced_id", 15, &mut faults, Some::<u32>);
        self.number("srv_f_forced_id", 16, &mut faults, Some::<u32>);
        let port = self.number("srv_port", 18, &mut faults, Some::<u16>);
        let all = || {
            Some(SavedServer {
                address: self.cell(4).parse().ok(),
                port: port?,
                op: op?,
                admin: admin?,
                weight: weight?,
                configured_weight: configured_weight?,
                age_s: age_s?,
                check_status: check_status?,
                check_result: check_result?,
                check_health: check_health?,
                check_state: check_state?,
                agent_state: agent_state?,
                check_target: target(self.cell(22), self.cell(21)),
                agent_target: target(self.cell(23), self.cell(24)),
            })
        };
        all().filter(|_| faults.is_empty()).ok_or(faults)
    }

    fn cell(&self, index: usize) -> &'a str {
        self.cells.get(index).copied().unwrap_or("-")
    }

    fn number<N: std::str::FromStr, T>(
        &self,
        name: &str,
        index: usize,
        faults: &mut Vec<String>,
        accept: impl FnOnce(N) -> Option<T>,
    ) -> Option<T> {
        let text = self.cell(index);
        let value = text.parse().ok().and_then(accept);
        if value.is_none() {
            faults.push(format!("invalid {name} value '{text}'"));
        }
        value
    }
}

/// Maintenance and drain by an operator exclude each other.
fn admin_state(bits: u8) -> Option<AdminState> {
    let state = AdminState::from_bits(bits);
    let both = state.intersects(AdminState::FORCED_MAINT) && state.intersects(AdminState::FORCED_DRAIN);
    (state.bits() == bits && !both).then_some(state)
}

fn target(address: &str, port: &str) -> Result<SavedTarget, String> {
    let address = match address {
        "-" => None,
        text => Some(text.parse().map_err(|_| format!("invalid addr '{text}'"))?),
    };
    let port = match port {
        "-" | "0" => None,
        text => {
            let number: i64 = text.parse().map_err(|_| "provided port is not an integer".to_owned())?;
            Some(u16::try_from(number).map_err(|_| "provided port is invalid".to_owned())?)
        }
    };
    Ok(SavedTarget { address, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "3 app 1 s1 127.0.0.1 2 0 1 1 100 6 3 4 6 0 0 0 - 9001 - 0 0 - - 0";

    fn file(line: &str) -> String {
        format!("1\n# the header does not matter\n\n{line}\n")
    }

    /// The line with one cell replaced.
    fn with(index: usize, text: &str) -> String {
        let mut cells: Vec<&str> = LINE.split(' ').collect();
        cells[index] = text;
        cells.join(" ")
    }

    fn faults(line: &str) -> String {
        let text = file(line);
        read_state_file(text.as_bytes()).unwrap()[0].read().map(|_| String::new()).unwrap_or_else(|e| e.join(", "))
    }

    #[test]
    fn a_line_is_read_by_position() {
        let text = file(LINE);
        let lines = read_state_file(text.as_bytes()).unwrap();
        let saved = lines[0].read().unwrap();
        assert_eq!((lines[0].backend(), lines[0].server()), ("app", "s1"));
        assert_eq!((saved.op, saved.age_s, saved.port), (OpState::Running, 100, 9001));
        assert_eq!(saved.check_target, Ok(SavedTarget::default()));
        let short = file(&LINE.split(' ').take(20).collect::<Vec<_>>().join("\t"));
        assert_eq!(read_state_file(short.as_bytes()).unwrap()[0].read().unwrap(), saved);
        let long = file(&format!("  {LINE} and more"));
        assert_eq!(read_state_file(long.as_bytes()).unwrap()[0].read().unwrap(), saved);
    }

    #[test]
    fn broken_files() {
        let fault = |text: &str| read_state_file(text.as_bytes()).unwrap_err();
        for text in ["", "foo\n", "2\n", "1", "\n1\n", "#\n1\n", " 1 \n", "1\r\n"] {
            assert_eq!(fault(text), StateFileFault::Version, "{text:?}");
        }
        assert!(read_state_file(b"01\n").unwrap().is_empty());
        for text in [format!("1\n{LINE}"), "1\nfoo bar\n".into(), "1\na\0\n".into(), format!("1\n{LINE}\r\n")] {
            assert_eq!(fault(&text), StateFileFault::Line(2), "{text:?}");
        }
        assert_eq!(fault(&format!("1\n# x\n{LINE}\nshort\n")), StateFileFault::Line(4));
        assert_eq!(read_state_file(b"1\n\xff\n").unwrap_err(), StateFileFault::Line(2));
        let whole = format!("{}{LINE}\n", file(LINE));
        for end in 0..whole.len() {
            let servers = read_state_file(&whole.as_bytes()[..end]).map_or(0, |lines| lines.len());
            // Only a cut between two lines can go unnoticed.
            assert!(servers == 0 || whole[..end].ends_with(&format!("{LINE}\n")), "{end}");
        }
    }

    #[test]
    fn impossible_values() {
        assert_eq!(faults(&with(5, "4")), "invalid srv_op_state value '4'");
        assert_eq!(faults(&with(6, "9")), "invalid srv_admin_state value '9'");
        assert_eq!(faults(&with(6, "128")), "invalid srv_admin_state value '128'");
        assert_eq!(faults(&with(6, "-1")), "invalid srv_admin_state value '-1'");
        assert_eq!(faults(&with(7, "257")), "invalid srv_uweight value '257'");
        assert_eq!(faults(&with(8, "x")), "invalid srv_iweight value 'x'");
        assert_eq!(faults(&with(9, "x")), "invalid srv_last_time_change value 'x'");
        assert_eq!(faults(&with(10, "30")), "invalid srv_check_status value '30'");
        assert_eq!(faults(&with(11, "5")), "invalid srv_check_result value '5'");
        assert_eq!(faults(&with(12, "x")), "invalid srv_check_health value 'x'");
        assert_eq!(faults(&with(12, "-1")), "");
        assert_eq!(faults(&with(13, "32")), "invalid srv_check_state value '32'");
        assert_eq!(faults(&with(14, "64")), "invalid srv_agent_state value '64'");
        assert_eq!(faults(&with(15, "x")), "invalid bk_f_forced_id value 'x'");
        assert_eq!(faults(&with(18, "99999")), "invalid srv_port value '99999'");
        assert_eq!(faults(&with(0, "x")), "", "ids do not matter");
        let two = with(5, "x").replace(" 0 1 1 100 ", " y 1 1 100 ");
        assert_eq!(faults(&two), "invalid srv_op_state value 'x', invalid srv_admin_state value 'y'");
    }

    #[test]
    fn targets_of_checks() {
        let read = |index, text: &str| {
            let text = file(&with(index, text));
            let saved = read_state_file(text.as_bytes()).unwrap()[0].read().unwrap();
            (saved.check_target, saved.agent_target)
        };
        assert_eq!(read(21, "81").0.unwrap().port, Some(81));
        assert_eq!(read(21, "x").0.unwrap_err(), "provided port is not an integer");
        assert_eq!(read(22, "::1").0.unwrap().address, "::1".parse().ok());
        assert_eq!(read(22, "foo").0.unwrap_err(), "invalid addr 'foo'");
        assert_eq!(read(24, "70000").1.unwrap_err(), "provided port is invalid");
    }
}
