//! Answers recorded from HAProxy 3.5, compared byte for byte with those of the program under test.

use lb_testkit::{Engine, probes};

#[test]
fn recorded_answers_are_reproduced() {
    let subject = Engine::subject().unwrap();
    let recorded = probes::recorded().unwrap();
    let verdicts = probes::replay(&subject, &recorded).unwrap();
    let sum = probes::summed_up(&subject, &recorded, &verdicts);
    println!("{}\n{} of {} equal", sum.lines.join("\n"), sum.equal, recorded.len());
    assert!(sum.different.is_empty(), "{} answers differ\n{}", sum.different.len(), sum.different.join("\n"));
}
