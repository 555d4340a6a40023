//! What the machine is. Every answer comes from `/proc`; where that is missing, it is `None`.

use std::fs;

use crate::units::ByteSize;

/// A machine as one has to know it to judge figures that were measured on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Operating system and, if it tells, its version: `linux 6.12.8`.
    pub system: String,
    /// Name of the processor.
    pub processor: Option<String>,
    /// Memory altogether.
    pub memory: Option<ByteSize>,
}

impl Machine {
    /// The one this runs on.
    #[must_use]
    pub fn this() -> Self {
        let read = |path| fs::read_to_string(path).ok();
        let release = read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned());
        Self {
            system: [Some(std::env::consts::OS.to_owned()), release]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
            processor: super::cpu_model(),
            memory: read("/proc/meminfo").and_then(|text| memory(&text)),
        }
    }
}

fn memory(meminfo: &str) -> Option<ByteSize> {
    let kib: u64 = value(meminfo, "MemTotal")?
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()?;
    Some(ByteSize(kib * 1024))
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read() {
        assert_eq!(
            memory("MemTotal:       16384 kB\nMemFree: 1 kB\n"),
            Some(ByteSize(16 << 20))
        );
        assert_eq!(memory("MemTotal: much\n"), None);
    }

    #[test]
    fn this_machine_has_a_system() {
        assert!(Machine::this().system.starts_with(std::env::consts::OS));
    }
}
