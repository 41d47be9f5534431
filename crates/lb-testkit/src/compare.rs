//! Showing how two answers differ.

/// Line-by-line difference, `-` for the left and `+` for the right text; `None` when they are equal.
///
/// Equal lines far from a difference are left out.
pub fn diff(left: &str, right: &str) -> Option<String> {
    if left == right {
        return None;
    }
    let a: Vec<&str> = left.split('\n').collect();
    let b: Vec<&str> = right.split('\n').collect();
    let mut out = Vec::new();
    for edit in edits(&a, &b) {
        out.push(edit);
    }
    Some(render(&out))
}

/// Fails a test with a readable difference.
///
/// # Panics
/// When the texts differ.
#[track_caller]
#[expect(clippy::panic, reason = "this is an assertion")]
pub fn assert_same(what: &str, left_name: &str, left: &str, right_name: &str, right: &str) {
    if let Some(difference) = diff(left, right) {
        panic!("{what} differs (- {left_name}, + {right_name}):\n{difference}");
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Edit<'t> {
    Keep(&'t str),
    Left(&'t str),
    Right(&'t str),
}

/// Longest-common-subsequence edits. Texts above a few thousand lines are compared line for line instead,
/// since the table is quadratic.
fn edits<'t>(a: &[&'t str], b: &[&'t str]) -> Vec<Edit<'t>> {
    if a.len().saturating_mul(b.len()) > 4_000_000 {
        return line_for_line(a, b);
    }
    let width = b.len() + 1;
    let mut longest = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            out.push(Edit::Keep(a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1]) {
            out.push(Edit::Left(a[i]));
            i += 1;
        } else {
            out.push(Edit::Right(b[j]));
            j += 1;
        }
    }
    out
}

fn line_for_line<'t>(a: &[&'t str], b: &[&'t str]) -> Vec<Edit<'t>> {
    let mut out = Vec::new();
    for index in 0..a.len().max(b.len()) {
        match (a.get(index), b.get(index)) {
            (Some(x), Some(y)) if x == y => out.push(Edit::Keep(x)),
            (x, y) => {
                out.extend(x.map(|x| Edit::Left(x)));
                out.extend(y.map(|y| Edit::Right(y)));
            }
        }
    }
    out
}

fn render(edits: &[Edit]) -> String {
    const CONTEXT: usize = 2;
    let near = |index: usize| {
        let from = index.saturating_sub(CONTEXT);
        edits.iter().skip(from).take(index - from + CONTEXT + 1).any(|e| !matches!(e, Edit::Keep(_)))
    };
    let mut out = String::new();
    let mut skipping = false;
    for (index, edit) in edits.iter().enumerate() {
        if !near(index) {
            if !skipping {
                out.push_str("  …\n");
            }
            skipping = true;
            continue;
        }
        skipping = false;
        let (sign, text) = match edit {
            Edit::Keep(text) => (' ', text),
            Edit::Left(text) => ('-', text),
            Edit::Right(text) => ('+', text),
        };
        out.push_str(&format!("{sign} {}\n", text.escape_debug()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::diff;

    #[test]
    fn differences_show_with_context() {
        assert_eq!(diff("a\nb\n", "a\nb\n"), None);
        assert_eq!(diff("1\n2\n3\n4\n5\nx\n", "1\n2\n3\n4\n5\ny\n").unwrap(), "  …\n  4\n  5\n- x\n+ y\n  \n");
        assert_eq!(diff("a\nc", "a\nb\nc").unwrap(), "  a\n+ b\n  c\n");
    }
}
