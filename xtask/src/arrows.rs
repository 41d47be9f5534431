//! Which crate may import which: the one table, from which the diagram in ARCHITECTURE.md is rendered.

/// What a crate may list under `[dependencies]` of this workspace, and whether it is pure.
pub struct Arrow {
    /// The crate.
    pub name: &'static str,
    /// What it may import.
    pub may: &'static [&'static str],
    /// No clock, socket, file, environment or randomness: its `clippy.toml` bans them.
    pub is_pure: bool,
}

const fn pure(name: &'static str, may: &'static [&'static str]) -> Arrow {
    Arrow { name, may, is_pure: true }
}

const fn shell(name: &'static str, may: &'static [&'static str]) -> Arrow {
    Arrow { name, may, is_pure: false }
}

/// Every crate of the workspace, from the ground up.
pub const ARROWS: &[Arrow] = &[
    pure("lb-model", &[]),
    pure("lb-stats", &["lb-model"]),
    pure("lb-table", &["lb-model"]),
    pure("lb-sample", &["lb-model", "lb-table"]),
    pure("lb-http", &[]),
    pure("lb-balance", &["lb-model"]),
    pure("lb-check", &["lb-model", "lb-sample"]),
    pure("lb-tls", &[]),
    pure("lb-config", &["lb-check", "lb-http", "lb-model", "lb-sample", "lb-table", "lb-tls"]),
    pure("lb-admin", &["lb-model"]),
    shell(
        "lb-engine",
        &[
            "lb-admin",
            "lb-balance",
            "lb-check",
            "lb-config",
            "lb-http",
            "lb-model",
            "lb-sample",
            "lb-stats",
            "lb-table",
            "lb-tls",
        ],
    ),
    shell("lbd", &["lb-model", "lb-config", "lb-engine"]),
    shell("lb-client", &["lb-admin", "lb-model", "lb-stats"]),
    shell("lbctl", &["lb-admin", "lb-client", "lb-config", "lb-model", "lb-stats"]),
    shell("lb-testkit", &["lb-admin"]),
    shell("e2e", &["lb-testkit"]),
    shell("xtask", &["lb-admin", "lb-stats", "lb-testkit", "lbctl", "lbd"]),
];

/// The row of a crate.
pub fn arrow(name: &str) -> Option<&'static Arrow> {
    ARROWS.iter().find(|arrow| arrow.name == name)
}

/// The table as a Mermaid diagram, which GitHub and most viewers of Markdown draw.
pub fn diagram() -> String {
    let mut out = String::from("```mermaid\nflowchart BT\n");
    for arrow in ARROWS.iter().filter(|arrow| !["e2e", "xtask", "lb-testkit"].contains(&arrow.name)) {
        let (open, close) = if arrow.is_pure { ("([", "])") } else { ("[", "]") };
        out.push_str(&format!("    {0}{open}{0}{close}\n", arrow.name));
        for import in arrow.may.iter().filter(|import| is_drawn(arrow, import)) {
            out.push_str(&format!("    {import} --> {}\n", arrow.name));
        }
    }
    out.push_str("```\n");
    out
}

/// An arrow is left out when another import already brings its crate along.
fn is_drawn(from: &Arrow, import: &str) -> bool {
    !from.may.iter().any(|other| arrow(other).is_some_and(|other| reaches(other, import)))
}

fn reaches(from: &Arrow, wanted: &str) -> bool {
    from.may.iter().any(|import| *import == wanted || arrow(import).is_some_and(|next| reaches(next, wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_listed_before_their_importers() {
        for (index, row) in ARROWS.iter().enumerate() {
            for import in row.may {
                let at = ARROWS.iter().position(|other| other.name == *import);
                assert!(at.is_some_and(|at| at < index), "{} imports {import}", row.name);
            }
        }
    }

    #[test]
    fn pure_crates_import_only_pure_crates() {
        for row in ARROWS.iter().filter(|row| row.is_pure) {
            assert!(row.may.iter().all(|import| arrow(import).is_some_and(|a| a.is_pure)), "{}", row.name);
        }
    }

    #[test]
    fn the_diagram_leaves_out_what_follows() {
        let text = diagram();
        assert!(text.contains("lb-engine --> lbd"));
        assert!(!text.contains("lb-model --> lbd"));
    }
}
