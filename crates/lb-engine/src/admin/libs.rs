//! `show libs`: the program and its libraries in memory, as the kernel lists them.

use lb_admin::Reply;
use std::fmt::Write as _;

/// `show libs`. Without `/proc` there is nothing to show.
pub(super) fn show() -> Reply {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut out = String::new();
    for object in objects(&maps) {
        let Object { path, begin, end, .. } = object;
        // Writing to a string cannot fail. The end is the last byte.
        let _ = writeln!(out, "{begin:#014x}-{:#014x} ({:#09x}) {path}", end.saturating_sub(1), end - begin);
    }
    Reply::Raw(out.into_bytes())
}

/// A file mapped as code, with all its mappings.
#[derive(Debug, PartialEq, Eq)]
struct Object<'a> {
    path: &'a str,
    begin: u64,
    end: u64,
    is_code: bool,
}

/// The objects of a `/proc/<pid>/maps`: lines like `7f10-7f20 r-xp 0000 08:01 123   /lib/libc.so.6`.
fn objects(maps: &str) -> Vec<Object<'_>> {
    let mut objects: Vec<Object> = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some(access)) = (words.next(), words.next()) else { continue };
        let Some(path) = line.find('/').and_then(|at| line.get(at..)) else { continue };
        let Some((begin, end)) = range.split_once('-') else { continue };
        let (Ok(begin), Ok(end)) = (u64::from_str_radix(begin, 16), u64::from_str_radix(end, 16)) else { continue };
        let is_code = access.contains('x');
        match objects.iter_mut().find(|object| object.path == path) {
            Some(object) => {
                object.begin = object.begin.min(begin);
                object.end = object.end.max(end);
                object.is_code |= is_code;
            }
            None => objects.push(Object { path, begin, end, is_code }),
        }
    }
    objects.retain(|object| object.is_code);
    objects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_of_a_file_are_one_object() {
        let maps = "\
55d0c000-55d0d000 r--p 00000000 fe:00 7   /usr/bin/a program
55d0d000-55d0f000 r-xp 00001000 fe:00 7   /usr/bin/a program
55d10000-55d11000 rw-p 00000000 00:00 0   [heap]
7f000000-7f001000 r--s 00000000 fe:00 9   /var/cache/data
7f100000-7f102000 r-xp 00000000 fe:00 8   /lib/libc.so.6
nonsense
";
        let found: Vec<_> = objects(maps).iter().map(|o| (o.path, o.begin, o.end)).collect();
        assert_eq!(
            found,
            [("/usr/bin/a program", 0x55d0_c000, 0x55d0_f000), ("/lib/libc.so.6", 0x7f10_0000, 0x7f10_2000)]
        );
        let Reply::Raw(shown) = show() else { panic!("not a list") };
        assert!(String::from_utf8_lossy(&shown).lines().next().unwrap().starts_with("0x"));
    }
}
