//! Alternating pairs of runs, and how their ratios spread.

use lb_testkit::Engine;

/// The two programs and how often each runs.
pub struct Pairs {
    pub subject: Engine,
    pub reference: Engine,
    pub count: usize,
}

/// One quantity of one run; smaller is better unless the name says otherwise.
pub type Sample = Vec<(&'static str, f64)>;

impl Pairs {
    /// Runs pairs, who goes first changing from pair to pair, and prints a line for each quantity.
    ///
    /// # Errors
    /// When a run fails.
    pub fn run(&self, title: &str, mut measure: impl FnMut(&Engine) -> anyhow::Result<Sample>) -> anyhow::Result<()> {
        println!("{title}");
        let mut samples: Vec<(Sample, Sample)> = Vec::new();
        for pair in 0..self.count {
            let (mine, theirs) = if pair % 2 == 0 {
                let mine = measure(&self.subject)?;
                (mine, measure(&self.reference)?)
            } else {
                let theirs = measure(&self.reference)?;
                (measure(&self.subject)?, theirs)
            };
            eprintln!("  pair {} of {}: {} / {}", pair + 1, self.count, shown(&mine), shown(&theirs));
            samples.push((mine, theirs));
        }
        let names: Vec<&str> =
            samples.first().map(|(mine, _)| mine.iter().map(|(name, _)| *name).collect()).unwrap_or_default();
        for (index, name) in names.iter().enumerate() {
            let column = |side: fn(&(Sample, Sample)) -> &Sample| -> Vec<f64> {
                samples.iter().filter_map(|pair| side(pair).get(index).map(|(_, value)| *value)).collect()
            };
            let (mine, theirs) = (column(|pair| &pair.0), column(|pair| &pair.1));
            let ratios: Vec<f64> = mine.iter().zip(&theirs).map(|(a, b)| a / b).collect();
            println!(
                "  {name:<32} lbd {:>11}   haproxy {:>11}   ratio {:.3}  ({:.3} to {:.3})",
                rounded(median(&mine)),
                rounded(median(&theirs)),
                median(&ratios),
                ratios.iter().copied().fold(f64::INFINITY, f64::min),
                ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            );
        }
        println!();
        Ok(())
    }
}

fn shown(sample: &Sample) -> String {
    sample.iter().map(|(_, value)| rounded(*value)).collect::<Vec<_>>().join(", ")
}

/// Three significant digits and more for large numbers.
fn rounded(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

/// The middle value.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.get(sorted.len() / 2), sorted.get((sorted.len().max(1) - 1) / 2)) {
        (Some(a), Some(b)) => (a + b) / 2.0,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(&[]).is_nan());
        assert_eq!(rounded(13.579), "13.6");
    }
}
