//! What a process has used, by /proc: CPU and memory.
//!
//! The processes of a cluster are found by its folder in their command lines, since each restart gives them other numbers.

use std::fs;
use std::path::Path;
use std::time::Duration;

use test_support::Failure;

/// Processes are charged in hundredths of a second, see proc(5).
const TICK: Duration = Duration::from_millis(10);

/// User and system time of a process.
pub fn cpu(pid: u32) -> Result<Duration, Failure> {
    cpu_of(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
}

fn cpu_of(stat: &str) -> Result<Duration, Failure> {
    // The name is in parentheses and may hold any character.
    let (_, fields) = stat.rsplit_once(')').ok_or("no fields")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    Ok(TICK * ticks.sum::<Result<u32, _>>()?)
}

/// Whether a process still runs; one that has ended and was not waited for does not.
pub fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Resident memory of a process, now and at most, in MiB.
pub fn memory(pid: u32) -> Result<(f64, f64), Failure> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok((mebibytes(&status, "VmRSS:")?, mebibytes(&status, "VmHWM:")?))
}

fn mebibytes(status: &str, field: &str) -> Result<f64, Failure> {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes: u32 = line.ok_or("/proc lacks a field")?.trim().trim_end_matches(" kB").parse()?;
    Ok(f64::from(kibibytes) / 1024.0)
}

/// The process of a cluster that runs this program.
pub fn of_cluster(folder: &Path, program: &str) -> Result<u32, Failure> {
    let folder = folder.display().to_string();
    let is_it = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line.split('\0');
        words.next().is_some_and(|it| it.ends_with(&format!("/{program}")))
            && words.any(|it| it.contains(&folder))
    };
    let names = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    names.into_iter().find(is_it).ok_or_else(|| format!("{program} does not run").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_is_read_whatever_its_name_is() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_of(stat).unwrap(), Duration::from_millis(1750));
    }

    #[test]
    fn memory_is_told_in_mebibytes() {
        assert!((mebibytes("Name:\tx\nVmRSS:\t    1536 kB\n", "VmRSS:").unwrap() - 1.5).abs() < 1e-9);
    }
}
