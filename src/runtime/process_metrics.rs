//! Figures about the process itself, read when they are asked for: build, CPU, memory, start. Where the machine has
//! no `/proc`, there are none.

use std::fmt;
use std::fs::read_to_string;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// Clock ticks per second in `/proc/self/stat`: the same on every Linux (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Fields of `/proc/self/stat`, counted from the one after the program's name; see proc(5).
const UTIME: usize = 11;
const STIME: usize = 12;
const STARTTIME: usize = 19;

/// Registers the figures, with the version of the program.
pub fn register(registry: &mut Registry, version: &'static str) {
    registry.register("mtls_operator_build", "Version of the program", Info::new([("version", version)]));
    registry.register_collector(Box::new(Process));
}

#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stat = read_to_string("/proc/self/stat").unwrap_or_default();
        let boot = read_to_string("/proc/stat").unwrap_or_default();
        let status = read_to_string("/proc/self/status").unwrap_or_default();
        let figure = resident_bytes(&status).map(ConstGauge::new);
        write(&mut encoder, "process_resident_memory_bytes", "Resident memory", figure)?;
        let figure = cpu_seconds(&stat).map(ConstCounter::new);
        write(&mut encoder, "process_cpu_seconds", "CPU time, user and system", figure)?;
        let figure = start_seconds(&stat, &boot).map(ConstGauge::new);
        write(&mut encoder, "process_start_time_seconds", "Start, in seconds since 1970", figure)
    }
}

fn write(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    figure: Option<impl EncodeMetric>,
) -> fmt::Result {
    let Some(figure) = figure else { return Ok(()) };
    figure.encode(encoder.encode_descriptor(name, help, None, figure.metric_type())?)
}

/// `VmRSS` of `/proc/self/status`.
fn resident_bytes(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// User and system time of `/proc/self/stat`.
fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((ticks(stat, UTIME)? + ticks(stat, STIME)?) / TICKS_PER_SECOND)
}

/// `/proc/self/stat` counts the start from the boot of the machine, which `/proc/stat` knows.
fn start_seconds(stat: &str, boot: &str) -> Option<f64> {
    let boot: f64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + ticks(stat, STARTTIME)? / TICKS_PER_SECOND)
}

/// The name of the program is in brackets and may itself contain brackets and spaces.
fn ticks(stat: &str, field: usize) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(field)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    const STAT: &str = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 1000 9 9";

    #[test]
    fn cpu_time_is_user_and_system_time_whatever_the_program_is_called() {
        assert_eq!(cpu_seconds(STAT), Some(3.0));
    }

    #[test]
    fn the_start_is_counted_from_the_boot() {
        assert_eq!(start_seconds(STAT, "cpu 1 2\nbtime 1700000000\n"), Some(1_700_000_010.0));
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        assert_eq!((resident_bytes(""), cpu_seconds(""), start_seconds("", "")), (None, None, None));
    }

    #[test]
    fn the_figures_have_the_names_that_dashboards_know() {
        let mut registry = Registry::default();
        register(&mut registry, "1.2.3");
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "mtls_operator_build_info{version=\"1.2.3\"} 1",
            "process_resident_memory_bytes ",
            "process_cpu_seconds_total ",
            "process_start_time_seconds ",
        ] {
            assert!(text.lines().any(|found| found.starts_with(line)), "{line} is missing in:\n{text}");
        }
    }
}
