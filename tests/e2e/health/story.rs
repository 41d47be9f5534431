//! Files of recorded stories: a backend, then steps with what was logged and shown after each. Their form is told at
//! `crates/lb-check/tests/traces.rs`, whose state machine replays most of them.

use std::fmt::Write;

/// One recorded story.
#[derive(Debug, Clone, Default)]
pub struct Story {
    pub name: String,
    /// Comments, and the lines before the first step.
    pub preamble: Vec<String>,
    pub steps: Vec<Step>,
}

/// What is done, and what was seen then.
#[derive(Debug, Clone, Default)]
pub struct Step {
    pub command: String,
    pub seen: Vec<String>,
}

impl Story {
    /// The stories of a file, blocks between empty lines.
    pub fn all(text: &str) -> Vec<Story> {
        text.split("\n\n").filter(|block| block.contains("== ")).map(Story::read).collect()
    }

    fn read(block: &str) -> Story {
        let mut story = Story::default();
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("> ") {
                story.steps.push(Step { command: command.to_owned(), seen: Vec::new() });
            } else if let Some(step) = story.steps.last_mut() {
                step.seen.push(normalised(line));
            } else if let Some(name) = line.strip_prefix("== ") {
                story.name = name.to_owned();
            } else if !line.is_empty() {
                story.preamble.push(line.to_owned());
            }
        }
        story
    }

    /// What only 3.x has: the oracle cannot tell it.
    pub fn is_newer(&self) -> bool {
        self.preamble.iter().any(|line| line == "since 3.x")
    }

    /// Lines of the backend.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.preamble.iter().filter_map(|line| line.strip_prefix("be "))
    }

    /// Names of servers, and the other words of their lines.
    pub fn servers(&self) -> Vec<(&str, &str)> {
        let lines = self.preamble.iter().filter_map(|line| line.strip_prefix("server "));
        lines.map(|line| line.split_once(' ').unwrap_or((line, ""))).collect()
    }

    /// The block with other sights, one for each step.
    pub fn with_sights(&self, sights: &[Vec<String>]) -> String {
        let mut text = format!("== {}\n", self.name);
        for line in &self.preamble {
            let _ = writeln!(text, "{line}");
        }
        for (step, sight) in self.steps.iter().zip(sights) {
            let _ = writeln!(text, "> {}", step.command);
            for line in sight {
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }
}

/// A line in the words of 3.x, without what differs from run to run.
pub fn normalised(line: &str) -> String {
    let mut line = line.trim().to_owned();
    if line.starts_with("< HTTP/") {
        return "< HTTP".to_owned();
    }
    if let Some((before, after)) = line.split_once("check duration: ") {
        let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        line = format!("{before}check duration: 0{rest}");
    }
    if !line.contains(" returned by OS ") {
        line = line.replace("Connection reset by peer", "ECONNRESET returned by OS (Connection reset by peer)");
    }
    // Whether the request that failed still counts as a session is a matter of luck.
    line = line.replace(" 1 sessions active", " 0 sessions active");
    if let Some(ramp) = line.find(" thr=") {
        line.truncate(ramp);
        line.push_str(" thr=*");
    }
    line
}
