//! The manual page `man/lbd.1`, from the option table. Compiled for tests only: the page is a file of
//! the repository, and the test below keeps it in step
//! (`UPDATE_EXPECT=1 cargo test -p lbd manual_page` writes it).

use super::table::{OPTIONS, Standing};
use super::usage::spelled;

fn page() -> String {
    let mut text = String::from(HEAD);
    for (title, standing) in [
        (None, Standing::Works),
        (Some("Options accepted without effect, so that scripts need no change:"), Standing::Accepted),
        (Some("Options recognised and refused:"), Standing::Refused),
    ] {
        if let Some(title) = title {
            text.push_str(&format!(".PP\n{title}\n"));
        }
        for row in OPTIONS.iter().filter(|row| row.standing == standing) {
            text.push_str(&format!(".TP\n.B {}\n{}.\n", escape(&spelled(row)), escape(&capital(row.summary))));
        }
    }
    text.push_str(TAIL);
    text
}

fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    // A line that begins with a dot or an apostrophe would be a request.
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

const HEAD: &str = r#".\" Generated from the option table in crates/lbd/src/cli/table.rs.
.TH LBD 1
.SH NAME
lbd \- a load balancer that reads haproxy.cfg
.SH SYNOPSIS
.B lbd
[\-f \fIcfgfile\fR|\fIcfgdir\fR]... [\fIoptions\fR] [\-\- \fIcfgfile\fR...]
.SH DESCRIPTION
.B lbd
reads a configuration in HAProxy's language, proxies TCP and HTTP, checks the health of its servers and answers
HAProxy's Runtime API on its admin sockets. It starts, reloads and stops as HAProxy does.
.SH OPTIONS
Letters glued to an option that takes no value are ignored. A value is the next argument.
"#;

const TAIL: &str = r#".SH SIGNALS
.TP
.B SIGTERM, SIGINT
Stop at once. A master passes them on to its workers.
.TP
.B SIGUSR1
Stop listening, finish the sessions, then exit.
.TP
.B SIGUSR2, SIGHUP
To a master: reload. The program is executed anew, so that an upgrade takes effect; the new worker takes over the
listening sockets; the former one finishes its sessions. When the new worker cannot load, the former one stays.
.TP
.B SIGHUP
To a serving process: log the states of all servers.
.TP
.B SIGTTOU, SIGTTIN
Pause and resume all listeners.
.SH EXIT STATUS
.TP
.B 0
A normal stop, a valid configuration (\-c), a true condition (\-cc).
.TP
.B 1
A failure to start, an invalid configuration, a false condition, a wrong command line.
.TP
.B 2
A condition that cannot be parsed.
.TP
.B 130
A master stopped by SIGINT. A master whose worker died exits as that worker did.
.SH ENVIRONMENT
.TP
.B NOTIFY_SOCKET
Where \-Ws tells systemd about its state.
.TP
.B NO_COLOR
No colours in messages to a terminal.
.PP
For programs the configuration runs, and for "show env", HAPROXY_CFGFILES, HAPROXY_LOCALPEER and (in a worker)
HAPROXY_MWORKER are set.
.SH SEE ALSO
.BR lbctl (1)
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    #[test]
    fn manual_page_is_in_step() {
        expect_file!["../../../../man/lbd.1"].assert_eq(&page());
    }
}
