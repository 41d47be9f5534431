//! Dates as logs and HTTP write them.

use crate::WallTime;
use std::io::Write as _;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// A day and a time of day.
struct Civil {
    year: i64,
    /// Name of the month.
    month: &'static str,
    day: i64,
    /// Name of the day.
    weekday: &'static str,
    hour: i64,
    minute: i64,
    second: i64,
}

/// The proleptic Gregorian date of seconds since 1970, with years counted from March so that the
/// leap day is the last of its year.
fn civil(secs: i64) -> Civil {
    let (days, time) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = (month_from_march + 2) % 12;
    Civil {
        year: year_of_era + era * 400 + i64::from(month < 2),
        month: name(&MONTHS, month),
        day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        weekday: name(&DAYS, (days + 4).rem_euclid(7)),
        hour: time / 3600,
        minute: time / 60 % 60,
        second: time % 60,
    }
}

fn name(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|i| names.get(i)).copied().unwrap_or_default()
}

/// `20/Nov/2026:22:45:01.123` in local time.
/// `21/Nov/2026:01:02:03.456`, as log lines date an accept.
pub fn local_millis(time: WallTime, out: &mut Vec<u8>) {
    clf(time.unix_secs + i64::from(time.utc_offset_secs), out);
    put(out, format_args!(".{:03}", time.micros / 1000));
}

/// `20/Nov/2026:22:45:01 +0000`.
pub(crate) fn gmt(time: WallTime, out: &mut Vec<u8>) {
    clf(time.unix_secs, out);
    out.extend_from_slice(b" +0000");
}

/// `20/Nov/2026:23:45:01 +0100` in local time.
pub(crate) fn local_offset(time: WallTime, out: &mut Vec<u8>) {
    clf(time.unix_secs + i64::from(time.utc_offset_secs), out);
    let sign = if time.utc_offset_secs < 0 { '-' } else { '+' };
    let minutes = time.utc_offset_secs.unsigned_abs() / 60;
    put(out, format_args!(" {sign}{:02}{:02}", minutes / 60, minutes % 60));
}

/// `Sun, 06 Nov 1994 09:49:37 +0100` in local time; UTC is also named.
pub fn mail(time: WallTime) -> String {
    let c = civil(time.unix_secs + i64::from(time.utc_offset_secs));
    let sign = if time.utc_offset_secs < 0 { '-' } else { '+' };
    let minutes = time.utc_offset_secs.unsigned_abs() / 60;
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} {sign}{:02}{:02}{}",
        c.weekday,
        c.day,
        c.month,
        c.year,
        c.hour,
        c.minute,
        c.second,
        minutes / 60,
        minutes % 60,
        if minutes == 0 { " (UTC)" } else { "" }
    )
}

/// A time as `strftime` writes it; `utc` names the zone so.
pub(crate) fn strftime(format: &str, unix_secs: i64, offset_secs: i32, utc: bool) -> String {
    const LONG_MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const LONG_DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let secs = unix_secs.saturating_add(i64::from(offset_secs));
    let c = civil(secs);
    let index = |names: &[&str], name: &str| names.iter().position(|known| *known == name).unwrap_or(0);
    let (month, weekday) = (index(&MONTHS, c.month), index(&DAYS, c.weekday));
    let year_began = secs.div_euclid(86_400) - day_of_year(c.year, month, c.day);
    let day = secs.div_euclid(86_400) - year_began + 1;
    let (half, twelve) = (if c.hour < 12 { "AM" } else { "PM" }, (c.hour + 11) % 12 + 1);
    let sign = if offset_secs < 0 { '-' } else { '+' };
    let minutes = offset_secs.unsigned_abs() / 60;
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(next) = chars.next() {
        if next != '%' {
            out.push(next);
            continue;
        }
        let piece = match chars.next() {
            Some('a') => c.weekday.to_owned(),
            Some('A') => name(&LONG_DAYS, weekday as i64).to_owned(),
            Some('b' | 'h') => c.month.to_owned(),
            Some('B') => name(&LONG_MONTHS, month as i64).to_owned(),
            Some('c') => format!(
                "{} {} {:2} {:02}:{:02}:{:02} {}",
                c.weekday, c.month, c.day, c.hour, c.minute, c.second, c.year
            ),
            Some('C') => format!("{:02}", c.year / 100),
            Some('d') => format!("{:02}", c.day),
            Some('D' | 'x') => format!("{:02}/{:02}/{:02}", month + 1, c.day, c.year.rem_euclid(100)),
            Some('e') => format!("{:2}", c.day),
            Some('F') => format!("{}-{:02}-{:02}", c.year, month + 1, c.day),
            Some('H') => format!("{:02}", c.hour),
            Some('I') => format!("{twelve:02}"),
            Some('j') => format!("{day:03}"),
            Some('m') => format!("{:02}", month + 1),
            Some('M') => format!("{:02}", c.minute),
            Some('n') => "\n".to_owned(),
            Some('p') => half.to_owned(),
            Some('r') => format!("{twelve:02}:{:02}:{:02} {half}", c.minute, c.second),
            Some('R') => format!("{:02}:{:02}", c.hour, c.minute),
            Some('s') => unix_secs.to_string(),
            Some('S') => format!("{:02}", c.second),
            Some('t') => "\t".to_owned(),
            Some('T' | 'X') => format!("{:02}:{:02}:{:02}", c.hour, c.minute, c.second),
            Some('u') => if weekday == 0 { 7 } else { weekday }.to_string(),
            Some('w') => weekday.to_string(),
            Some('y') => format!("{:02}", c.year.rem_euclid(100)),
            Some('Y') => c.year.to_string(),
            Some('z') => format!("{sign}{:02}{:02}", minutes / 60, minutes % 60),
            Some('Z') if utc => "GMT".to_owned(),
            Some('Z') if offset_secs == 0 => "UTC".to_owned(),
            Some('Z') => format!("{sign}{:02}", minutes / 60),
            Some('%') | None => "%".to_owned(),
            Some(other) => format!("%{other}"),
        };
        out.push_str(&piece);
    }
    out
}

/// Days from the first of January to a day.
fn day_of_year(year: i64, month: usize, day: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    BEFORE.get(month).copied().unwrap_or(0) + day - 1 + i64::from(leap && month > 1)
}

fn clf(secs: i64, out: &mut Vec<u8>) {
    let c = civil(secs);
    put(out, format_args!("{:02}/{}/{:04}:{:02}:{:02}:{:02}", c.day, c.month, c.year, c.hour, c.minute, c.second));
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, with a fraction of so many digits if given.
pub(crate) fn http(secs: i64, fraction: Option<(i64, usize)>) -> Vec<u8> {
    let c = civil(secs);
    let fraction = fraction.map(|(value, digits)| format!(".{value:0digits$}")).unwrap_or_default();
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02}{fraction} GMT",
        c.weekday, c.day, c.month, c.year, c.hour, c.minute, c.second
    )
    .into_bytes()
}

/// Appends formatted text without a string of its own; writing to memory cannot fail.
pub(crate) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    drop(out.write_fmt(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(f: fn(WallTime, &mut Vec<u8>), unix_secs: i64, utc_offset_secs: i32) -> String {
        let mut out = Vec::new();
        f(WallTime { unix_secs, micros: 7_999, utc_offset_secs }, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_of_mails() {
        let at = |utc_offset_secs| mail(WallTime { unix_secs: 784_111_777, micros: 0, utc_offset_secs });
        assert_eq!(at(0), "Sun, 06 Nov 1994 08:49:37 +0000 (UTC)");
        assert_eq!(at(-5 * 3600 - 1800), "Sun, 06 Nov 1994 03:19:37 -0530");
    }

    #[test]
    fn dates() {
        assert_eq!(text(gmt, 0, 0), "01/Jan/1970:00:00:00 +0000");
        assert_eq!(text(gmt, 951_782_399, 0), "28/Feb/2000:23:59:59 +0000");
        assert_eq!(text(gmt, 951_782_400, 0), "29/Feb/2000:00:00:00 +0000");
        assert_eq!(text(gmt, 951_868_800, 0), "01/Mar/2000:00:00:00 +0000");
        assert_eq!(text(local_millis, 1_795_216_042, 0), "20/Nov/2026:23:07:22.007");
        assert_eq!(text(local_millis, 1_795_216_042, 3600), "21/Nov/2026:00:07:22.007");
        assert_eq!(text(local_offset, 1_795_216_042, -12_600), "20/Nov/2026:19:37:22 -0330");
        assert_eq!(text(gmt, -1, 0), "31/Dec/1969:23:59:59 +0000");
        assert_eq!(http(1_000_000_000, Some((123, 3))), b"Sun, 09 Sep 2001 01:46:40.123 GMT");
    }
}
