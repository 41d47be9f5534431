//! User lists: who may come in, with which password, and to which groups they belong.
//!
//! A list may be named before it is defined, as sections come in any order; whoever reads the configuration sees to it
//! that each list named is defined in the end.

use sha_crypt::{PasswordHashRef, PasswordVerifier, ShaCrypt};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How a password is checked.
#[derive(Clone)]
pub enum Password {
    /// Compared as it is.
    Plain(Box<[u8]>),
    /// A hash of crypt(3), `$5$…` or `$6$…`.
    Hashed(Box<str>),
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

impl Password {
    /// Takes a hash of crypt(3). `None`: it is of a kind that cannot be checked.
    pub fn hashed(text: &str) -> Option<Self> {
        let known = text.starts_with("$5$") || text.starts_with("$6$");
        (known && PasswordHashRef::new(text).is_ok()).then(|| Self::Hashed(text.into()))
    }

    fn admits(&self, given: &[u8]) -> bool {
        match self {
            Self::Plain(wanted) => {
                // Every byte is compared, whatever was found before.
                let pairs = wanted.iter().zip(given.iter().chain(std::iter::repeat(&0)));
                let differs = pairs.fold(0, |sum, (a, b)| sum | (a ^ b));
                differs == 0 && wanted.len() == given.len()
            }
            Self::Hashed(hash) => ShaCrypt::default().verify_password(given, &**hash).is_ok(),
        }
    }
}

/// One user.
#[derive(Debug, Clone, Default)]
pub struct User {
    /// The password; without one, nothing admits the user.
    pub password: Option<Password>,
    /// Names of the groups.
    pub groups: Vec<String>,
}

/// A user list by the users' names.
pub type UserList = BTreeMap<String, User>;

/// A list that an expression names.
#[derive(Debug, Clone)]
pub(crate) struct NamedList {
    name: Box<str>,
    users: Arc<OnceLock<UserList>>,
}

impl NamedList {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The user of that name, if the password is right.
    pub(crate) fn admitted(&self, name: &[u8], password: &[u8]) -> Option<&User> {
        let user = self.users.get()?.get(std::str::from_utf8(name).ok()?)?;
        user.password.as_ref()?.admits(password).then_some(user)
    }
}

/// All lists of a configuration, defined or only named so far.
#[derive(Debug, Default)]
pub struct UserLists(Mutex<BTreeMap<String, Arc<OnceLock<UserList>>>>);

impl UserLists {
    fn slot(&self, name: &str) -> Arc<OnceLock<UserList>> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lists.entry(name.to_owned()).or_default())
    }

    /// The list of that name, to be looked at when it is defined.
    pub(crate) fn named(&self, name: &str) -> NamedList {
        NamedList { name: name.into(), users: self.slot(name) }
    }

    /// Defines a list. The first definition stays.
    pub fn define(&self, name: &str, users: UserList) {
        self.slot(name).get_or_init(|| users);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_admit_only_themselves() {
        // Made with openssl passwd -5 and -6.
        let five = "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA";
        let six = "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1";
        for hash in [five, six] {
            let password = Password::hashed(hash).unwrap();
            assert!(password.admits(b"secret") && !password.admits(b"other"), "{hash}");
        }
        for unknown in ["", "secret", "$1$saltsalt$8d1hnqKq2IzUmTHqp2Bm31", "$6$", "$zz$x"] {
            assert!(Password::hashed(unknown).is_none(), "{unknown}");
        }
        let plain = Password::Plain((*b"secret").into());
        assert!(plain.admits(b"secret"));
        for wrong in [&b""[..], b"secre", b"secrets", b"secret\0", b"Secret"] {
            assert!(!plain.admits(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_list_may_be_named_before_it_is_defined() {
        let lists = UserLists::default();
        let named = lists.named("u");
        assert!(named.admitted(b"a", b"pw").is_none());
        let user = User { password: Some(Password::Plain((*b"pw").into())), groups: vec!["g".to_owned()] };
        lists.define("u", [("a".to_owned(), user), ("open".to_owned(), User::default())].into());
        assert_eq!(named.admitted(b"a", b"pw").map(|user| user.groups.as_slice()), Some(&["g".to_owned()][..]));
        assert!(named.admitted(b"a", b"").is_none());
        assert!(named.admitted(b"open", b"").is_none());
        assert!(named.admitted(b"b", b"pw").is_none());
    }
}
