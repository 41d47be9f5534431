//! A terminal that a test sits at: what the program under it shows, and keys for it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};

use crate::support::Engine;

/// A program at a pseudo-terminal of its own.
pub struct Terminal {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
    /// How many prompts came, and how many were typed at.
    prompts: usize,
    used: usize,
    child: Child,
}

/// What a prompt begins with: pasted text is to be bracketed.
const PROMPT: &str = "\x1b[?2004h";

impl Terminal {
    /// `lbctl` on an engine.
    pub fn open(engine: &Engine, arguments: &[&str]) -> Self {
        Self::open_sized(engine, arguments, (40, 120))
    }

    /// `lbctl` on a terminal of so many rows and columns.
    pub fn open_sized(engine: &Engine, arguments: &[&str], size: (u16, u16)) -> Self {
        // The terminal must be lbctl's own for Ctrl-C to become a signal.
        let mut command = engine.lbctl_under(&["setsid", "--ctty"], arguments);
        Self::run(command.env("TERM", "xterm").env("NO_COLOR", "1"), size)
    }

    /// Any program.
    pub fn run(command: &mut Command, (rows, columns): (u16, u16)) -> Self {
        // Nobody else's child may have the keyboard's end: the terminal would never be hung up.
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname_r(&master).unwrap();
        let slave = OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(name).unwrap();
        let size = ["rows", &rows.to_string(), "cols", &columns.to_string()].map(str::to_owned);
        let sized = Command::new("stty").args(size).stdin(Stdio::from(slave.try_clone().unwrap())).status();
        assert!(sized.unwrap().success());
        let child = command
            .stdin(Stdio::from(slave.try_clone().unwrap()))
            .stdout(Stdio::from(slave.try_clone().unwrap()))
            .stderr(Stdio::from(slave))
            .spawn()
            .unwrap();
        let keyboard = File::from(std::os::fd::OwnedFd::from(master));
        let mut reader = keyboard.try_clone().unwrap();
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The end of a pseudo-terminal is an error on Linux.
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { keyboard, screen, seen: String::new(), prompts: 0, used: 0, child }
    }

    /// Waits until the screen shows `text` and gives what came up to its end.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                self.prompts += self.seen.matches(PROMPT).count();
                return std::mem::replace(&mut self.seen, rest);
            }
            match self.screen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("'{text}' did not appear; the screen shows {:?}", self.tail()),
            }
        }
    }

    /// Types.
    pub fn keys(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Types at the next prompt: what is typed while a command runs may be lost.
    #[track_caller]
    pub fn at_prompt(&mut self, text: &str) {
        if self.prompts == self.used {
            self.expect(PROMPT);
        }
        self.used = self.prompts;
        self.keys(text);
    }

    /// The end of what is shown.
    fn tail(&self) -> String {
        let shown: Vec<char> = self.seen.chars().collect();
        shown.iter().skip(shown.len().saturating_sub(2000)).collect()
    }

    /// Waits for the program's end.
    #[track_caller]
    pub fn exit(mut self) -> Option<i32> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it did not end; the screen shows {:?}", self.tail());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long something may take to show.
const PATIENCE: Duration = Duration::from_secs(30);
