//! `userlist` sections: users with their passwords, and groups of users.

use crate::cx::Cx;
use crate::diagnostic::Site;
use crate::line::{Done, Fault, Line, fault};
use crate::suggest::did_you_mean;
use lb_model::is_valid_name;
use lb_sample::{Password, User, UserList};
use std::collections::{BTreeMap, BTreeSet};

/// A section being read.
#[derive(Debug)]
pub(crate) struct UsersDraft {
    pub name: String,
    users: UserList,
    groups: BTreeSet<String>,
    /// Groups that `user` lines name.
    named_groups: Vec<(String, String, Site)>,
    /// Users that `group` lines name.
    named_users: Vec<(String, String, Site)>,
}

impl UsersDraft {
    /// Begins a section: `userlist <name>`. `None`: there is such a list already, and this one is not used.
    pub fn open(line: &Line, others: &[Self], cx: &mut Cx<'_>) -> Result<Option<Self>, Fault> {
        let name = line.need(1, "'userlist' expects <name> as arguments.")?;
        line.ends_after(1, "userlist")?;
        if let Some(bad) = name.chars().find(|c| !is_valid_name(c.encode_utf8(&mut [0; 4]))) {
            return Err(fault(1, format!("character '{bad}' is not permitted in 'userlist' name '{name}'.")));
        }
        if others.iter().any(|other| other.name == name) {
            cx.warn(&line.site(1), format!("ignoring duplicated userlist '{name}'."));
            return Ok(None);
        }
        Ok(Some(Self {
            name: name.to_owned(),
            users: UserList::new(),
            groups: BTreeSet::new(),
            named_groups: Vec::new(),
            named_users: Vec::new(),
        }))
    }

    /// Reads a line.
    pub fn line(&mut self, line: &Line, cx: &mut Cx<'_>) -> Done {
        match line.word(0) {
            "user" => self.user(line, cx),
            "group" => self.group(line, cx),
            other => {
                let near = did_you_mean(other, ["group", "user"]);
                Err(fault(0, format!("unknown keyword '{other}' in 'users' section{near}")))
            }
        }
    }

    fn user(&mut self, line: &Line, cx: &mut Cx<'_>) -> Done {
        let name = line.need(1, "'user' expects <name> as arguments.")?;
        if self.users.contains_key(name) {
            cx.warn(&line.site(1), format!("ignoring duplicated user '{name}' in userlist '{}'.", self.name));
            return Ok(());
        }
        let mut user = User::default();
        let mut at = 2;
        while line.has(at) {
            let word = line.word(at);
            let value = |what: &str| line.need(at + 1, format!("'{word}' of user '{name}' expects {what}."));
            match word {
                "password" => user.password = Some(hashed(value("a password's hash")?, at + 1)?),
                "insecure-password" => {
                    user.password = Some(Password::Plain(value("a password")?.as_bytes().into()));
                }
                "groups" => {
                    let site = line.site(at + 1);
                    let groups = names(value("groups apart by commas")?);
                    self.named_groups.extend(groups.map(|group| (name.to_owned(), group.to_owned(), site.clone())));
                }
                _ => {
                    let supported = "'user' only supports 'password', 'insecure-password' and 'groups' options.";
                    return Err(fault(at, supported));
                }
            }
            at += 2;
        }
        if user.password.is_none() {
            cx.warn(&line.site(1), format!("user '{name}' has no password, so nobody can be that user."));
        }
        self.users.insert(name.to_owned(), user);
        Ok(())
    }

    fn group(&mut self, line: &Line, cx: &mut Cx<'_>) -> Done {
        let name = line.need(1, "'group' expects <name> as arguments.")?;
        if !self.groups.insert(name.to_owned()) {
            cx.warn(&line.site(1), format!("ignoring duplicated group '{name}' in userlist '{}'.", self.name));
            return Ok(());
        }
        for at in (2..line.len()).step_by(2) {
            if line.word(at) != "users" {
                return Err(fault(at, "'group' only supports 'users' option."));
            }
            let site = line.site(at + 1);
            let users = names(line.need(at + 1, "'users' expects users apart by commas.")?);
            self.named_users.extend(users.map(|user| (name.to_owned(), user.to_owned(), site.clone())));
        }
        Ok(())
    }

    /// Whether there is such a group.
    pub fn has_group(&self, name: &str) -> bool {
        self.groups.contains(name)
    }

    /// Brings users and groups together, and defines the list.
    fn settle(mut self, cx: &mut Cx<'_>) -> Self {
        let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (user, group, site) in &self.named_groups {
            if self.groups.contains(group) {
                members.entry(user.clone()).or_default().push(group.clone());
            } else {
                let known = did_you_mean(group, self.groups.iter().map(String::as_str));
                let message =
                    format!("userlist '{}': no such group '{group}' specified in user '{user}'{known}.", self.name);
                cx.sink.alert(site, message);
            }
        }
        for (group, user, site) in &self.named_users {
            if self.users.contains_key(user) {
                members.entry(user.clone()).or_default().push(group.clone());
            } else {
                let known = did_you_mean(user, self.users.keys().map(String::as_str));
                let message =
                    format!("userlist '{}': no such user '{user}' specified in group '{group}'{known}.", self.name);
                cx.sink.alert(site, message);
            }
        }
        for (name, groups) in members {
            if let Some(user) = self.users.get_mut(&name) {
                user.groups = groups;
            }
        }
        cx.users.define(&self.name, self.users.clone());
        self
    }
}

/// Settles all sections.
pub(crate) fn settle(sections: Vec<UsersDraft>, cx: &mut Cx<'_>) -> Vec<UsersDraft> {
    sections.into_iter().map(|section| section.settle(cx)).collect()
}

fn hashed(hash: &str, at: usize) -> Result<Password, Fault> {
    Password::hashed(hash).ok_or_else(|| {
        fault(at, "this password's hash is of a kind that cannot be checked.").help(
            "SHA-256 ($5$…) and SHA-512 ($6$…) hashes of crypt(3) can, as 'mkpasswd -m sha-512' and 'openssl passwd -6' make \
             them; 'insecure-password' takes the password itself",
        )
    })
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|name| !name.is_empty())
}
