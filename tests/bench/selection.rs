//! What the words of the command line ask for: which scenarios, at which sizes, how often.
//!
//! Pure; `make bench PART="…"` hands its words on.

use crate::report::scenario::Scenario;
use test_support::Failure;

/// Up to this size a fresh start is measured three times, beyond it once.
const REPEATED: usize = 10_000;
const ROUNDS: usize = 3;

/// Scenarios that share one cluster: the first fills it, the others find what it left.
#[derive(Debug, PartialEq, Eq)]
pub struct Session {
    pub size: usize,
    pub rounds: usize,
    pub first: Scenario,
    pub then: Vec<Scenario>,
}

/// `make bench`.
const SMALL: &str =
    "fresh 1000 5000 10000 create single renew steady restart cut rotate namespaces rsa foreign";
/// `make bench-large`.
const LARGE: &str = "fresh 100000 renew 100000 steady 100000 restart 100000 prompt 100000 foreign 90000";

/// The sessions that these words ask for: scenarios, each with the sizes that follow it; `once` measures each once;
/// none means all of the small ones.
pub fn sessions(words: &[String]) -> Result<Vec<Session>, Failure> {
    let words: Vec<&str> = words.iter().flat_map(|word| word.split_whitespace()).collect();
    let (once, words): (Vec<&str>, Vec<&str>) = words.into_iter().partition(|word| *word == "once");
    let rounds = if once.is_empty() { ROUNDS } else { 1 };
    let mut sessions: Vec<Session> = Vec::new();
    for (scenario, size) in steps(&expanded(&words))? {
        add(&mut sessions, scenario, size, if size > REPEATED { 1 } else { rounds });
    }
    Ok(sessions)
}

/// Words that stand for several.
fn expanded<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let split = |text: &'static str| text.split(' ').collect();
    match *words {
        [] => split(SMALL),
        ["large"] => split(LARGE),
        ["issue"] => split("create 1000 single 1000 restart 1000 steady 1000"),
        ["issue", size] => vec!["create", size, "single", size, "restart", size, "steady", size],
        _ => words.to_vec(),
    }
}

fn steps(words: &[&str]) -> Result<Vec<(Scenario, usize)>, Failure> {
    let mut steps: Vec<(Scenario, Option<usize>)> = Vec::new();
    for word in words {
        match (word.parse::<usize>(), steps.last_mut()) {
            (Ok(size), Some((_, last @ None))) => *last = Some(size),
            (Ok(size), Some((scenario, _))) => {
                let again = *scenario;
                steps.push((again, Some(size)));
            }
            (Ok(_), None) => return Err(usage().into()),
            (Err(_), _) => steps.push((scenario(word)?, None)),
        }
    }
    Ok(steps.into_iter().map(|(scenario, size)| (scenario, size.unwrap_or(usual_size(scenario)))).collect())
}

fn scenario(word: &str) -> Result<Scenario, Failure> {
    let found = Scenario::ALL.into_iter().find(|scenario| scenario.word() == word);
    found.ok_or_else(|| format!("{word} is nothing that can be measured; {}", usage()).into())
}

fn usage() -> String {
    let words = Scenario::ALL.map(Scenario::word).join(", ");
    format!(
        "give scenarios, each followed by its sizes, as in `fresh 1000 10000 once`: {words}, issue, large"
    )
}

fn usual_size(scenario: Scenario) -> usize {
    match scenario {
        Scenario::Fresh | Scenario::Rsa => 1000,
        Scenario::Foreign => 9000,
        _ => 2000,
    }
}

fn add(sessions: &mut Vec<Session>, scenario: Scenario, size: usize, rounds: usize) {
    let fills = |first| matches!(first, Scenario::Fresh | Scenario::Create);
    if scenario.is_of_population() && scenario != Scenario::Create {
        match sessions.last_mut().filter(|last| last.size == size && fills(last.first)) {
            Some(last) => last.then.push(scenario),
            None => sessions.push(Session { size, rounds, first: Scenario::Create, then: vec![scenario] }),
        }
    } else {
        sessions.push(Session { size, rounds, first: scenario, then: Vec::new() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Vec<Session> {
        sessions(&[text.to_owned()]).unwrap()
    }

    fn session(size: usize, rounds: usize, first: Scenario, then: &[Scenario]) -> Session {
        Session { size, rounds, first, then: then.to_vec() }
    }

    #[test]
    fn a_scenario_is_measured_at_each_size_that_follows_it() {
        let fresh = |size, rounds| session(size, rounds, Scenario::Fresh, &[]);
        assert_eq!(asked("fresh 1000 100000"), [fresh(1000, 3), fresh(100_000, 1)]);
        assert_eq!(asked("fresh 500 once"), [fresh(500, 1)]);
    }

    #[test]
    fn what_needs_a_population_shares_the_cluster_before_it_or_gets_one() {
        let then = [Scenario::Renew, Scenario::Steady];
        assert_eq!(asked("fresh 500 renew 500 steady 500"), [session(500, 3, Scenario::Fresh, &then)]);
        assert_eq!(asked("renew steady"), [session(2000, 3, Scenario::Create, &then)]);
        assert_eq!(asked("fresh 500 renew 700").len(), 2);
    }

    #[test]
    fn every_word_of_the_makefile_means_something() {
        for words in ["", "large", "issue", "issue 10000", "rotate"] {
            assert!(!asked(words).is_empty(), "{words}");
        }
        assert!(sessions(&["1000".into()]).is_err());
        assert!(sessions(&["everything".into()]).is_err());
    }
}
