//! Percentiles, medians of repeated measurements, ratios to the bare writer.
//!
//! Ratios are formed within one round, since what disturbs one round disturbs all of its parts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::figures::{Measurement, Name, count};
use super::scenario::{Scenario, Subject};

/// The time that so many percent of them do not exceed.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    times.get(last * percent / 100).copied().unwrap_or_default()
}

/// The middle one; of an even number the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    let lower = if values.len().is_multiple_of(2) { values[half - 1] } else { upper };
    Some(f64::midpoint(lower, upper))
}

/// A measurement with the percentiles of these times.
pub fn with_times(measurement: Measurement, times: &[Duration]) -> Measurement {
    let millis = |percent| percentile(times, percent).as_secs_f64() * 1000.0;
    measurement
        .with(Name::P50Milliseconds, millis(50))
        .with(Name::P99Milliseconds, millis(99))
        .with(Name::MaxMilliseconds, millis(100))
        .with(Name::Timed, count(times.len()))
}

/// The measurements of one round, with the ratios of the operator to both bare writers.
pub fn with_ratios(round: &[Measurement]) -> Vec<Measurement> {
    let baseline = |subject: Subject, name: Name| {
        round.iter().find(|one| one.subject == subject).and_then(|one| one.get(name))
    };
    let ratios = [
        (Name::WallRatio, Name::WallSeconds, Subject::Bare),
        (Name::WallRatioOnIdentity, Name::WallSeconds, Subject::BareOnIdentity),
        (Name::ApiServerCpuRatio, Name::ApiServerCpuSeconds, Subject::Bare),
        (Name::ApiServerCpuRatioOnIdentity, Name::ApiServerCpuSeconds, Subject::BareOnIdentity),
    ]
    .map(|(ratio, of, subject)| (ratio, of, baseline(subject, of)));
    let add = |one: Measurement| {
        let is_compared = one.subject == Subject::Operator;
        ratios.iter().filter(|_| is_compared).fold(one, |one, (ratio, of, baseline)| {
            match one.get(*of).zip(baseline.filter(|it| *it > 0.0)) {
                Some((value, baseline)) => one.with(*ratio, value / baseline),
                None => one,
            }
        })
    };
    round.iter().cloned().map(add).collect()
}

/// One measurement for each that was repeated: the median of each figure, and the requests of the last.
pub fn medians(measurements: &[Measurement]) -> Vec<Measurement> {
    let mut repeated: BTreeMap<(Scenario, usize, Subject), Vec<&Measurement>> = BTreeMap::new();
    for one in measurements {
        repeated.entry(one.key()).or_default().push(one);
    }
    repeated.into_values().filter_map(|group| middle(&group)).collect()
}

fn middle(group: &[&Measurement]) -> Option<Measurement> {
    let last = *group.last()?;
    let of = |name: &Name| median(group.iter().filter_map(|one| one.get(*name)).collect());
    let names = group.iter().flat_map(|one| one.figures.keys());
    let figures = names.filter_map(|name| Some((*name, of(name)?))).collect();
    Some(Measurement { figures, ..last.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(subject: Subject, wall: f64) -> Measurement {
        Measurement::new(Scenario::Fresh, subject, 10).with(Name::WallSeconds, wall)
    }

    #[test]
    fn a_percentile_is_one_of_the_times_and_the_hundredth_is_the_longest() {
        let times: Vec<Duration> = (1..=101).rev().map(Duration::from_millis).collect();
        assert_eq!([50, 99, 100].map(|p| percentile(&times, p).as_millis()), [51, 100, 101]);
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn the_operator_is_compared_with_both_bare_writers_of_its_round() {
        let round = with_ratios(&[
            fresh(Subject::Bare, 2.0),
            fresh(Subject::Operator, 3.0),
            fresh(Subject::BareOnIdentity, 2.5),
        ]);
        assert_eq!(round[1].get(Name::WallRatio), Some(1.5));
        assert_eq!(round[1].get(Name::WallRatioOnIdentity), Some(1.2));
        assert_eq!(round[0].get(Name::WallRatio), None);
    }

    #[test]
    fn repeated_measurements_become_one_of_medians_and_others_stay_apart() {
        let all = [1.0, 9.0, 2.0].map(|wall| fresh(Subject::Bare, wall));
        let other = fresh(Subject::Operator, 7.0);
        let medians = medians(&[&all[..], std::slice::from_ref(&other)].concat());
        assert_eq!(medians, [fresh(Subject::Bare, 2.0), other]);
    }
}
