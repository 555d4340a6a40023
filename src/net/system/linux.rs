//! Linux: `/proc`, processor affinity, precise waiting, and one socket option.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use socket2::Socket;

use super::{ProcessUsage, all_cores, rusage};
use crate::units::ByteSize;

pub(super) fn usage_of_self() -> io::Result<ProcessUsage> {
    let own = rusage::own_usage()?;
    let held = usage_at("/proc/self")?;
    // getrusage counts processor time in microseconds, /proc in hundredths of a second.
    Ok(ProcessUsage {
        user: own.user,
        system: own.system,
        peak_resident: own.peak_resident,
        ..held
    })
}

pub(super) fn usage_of(pid: u32) -> io::Result<ProcessUsage> {
    usage_at(&format!("/proc/{pid}"))
}

fn usage_at(process: &str) -> io::Result<ProcessUsage> {
    let stat = std::fs::read_to_string(format!("{process}/stat"))?;
    let status = std::fs::read_to_string(format!("{process}/status"))?;
    let (user, system) = processor_times(&stat)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("cannot read {process}/stat")))?;
    Ok(ProcessUsage {
        user,
        system,
        resident: kibibytes(&status, "VmRSS:"),
        peak_resident: kibibytes(&status, "VmHWM:"),
        threads: field(&status, "Threads:").and_then(|count| count.parse().ok()),
        // Another user's files are not ours to count.
        open_files: std::fs::read_dir(format!("{process}/fd"))
            .ok()
            .and_then(|entries| u32::try_from(entries.count()).ok()),
    })
}

/// Fields 14 and 15 of `/proc/PID/stat`, in clock ticks. Field 2, the command in parentheses, may itself contain
/// blanks and parentheses.
fn processor_times(stat: &str) -> Option<(Duration, Duration)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    Some((ticks(fields.next()?)?, ticks(fields.next()?)?))
}

fn ticks(text: &str) -> Option<Duration> {
    let ticks: u64 = text.parse().ok()?;
    // SAFETY: sysconf has no preconditions.
    let per_second = u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) })
        .ok()
        .filter(|rate| *rate > 0)?;
    Some(Duration::from_nanos(
        ticks.saturating_mul(1_000_000_000 / per_second),
    ))
}

/// The second number of `/proc/thread-self/schedstat`: nanoseconds on a run queue.
pub(super) fn thread_waited() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// The number after `tw` in the line `TCP: inuse 1 orphan 0 tw 14 alloc 1 mem 0`.
pub(super) fn time_wait_sockets() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/net/sockstat").ok()?;
    let mut words = text
        .lines()
        .find_map(|line| line.strip_prefix("TCP:"))?
        .split_ascii_whitespace();
    words.find(|word| *word == "tw")?;
    words.next()?.parse().ok()
}

pub(super) fn available_memory() -> Option<ByteSize> {
    kibibytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

/// The first word after `name` in `/proc/PID/status`.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))?
        .split_ascii_whitespace()
        .next()
}

fn kibibytes(status: &str, name: &str) -> Option<ByteSize> {
    field(status, name)?.parse().ok().map(ByteSize::kib)
}

pub(super) fn pin_current_thread(core: usize) -> io::Result<()> {
    if core >= capacity() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("there is no core {core}"),
        ));
    }
    let mut cores = empty_set();
    // SAFETY: the number was checked against the set's capacity.
    unsafe { libc::CPU_SET(core, &mut cores) };
    // SAFETY: the pointer is to a valid set of the size given; 0 is the calling thread.
    match unsafe { libc::sched_setaffinity(0, mem::size_of::<libc::cpu_set_t>(), &raw const cores) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(super) fn allowed_cores() -> Vec<usize> {
    let mut cores = empty_set();
    // SAFETY: the pointer is to a valid set of the size given; 0 is the calling thread.
    let status = unsafe { libc::sched_getaffinity(0, mem::size_of::<libc::cpu_set_t>(), &raw mut cores) };
    if status != 0 {
        return all_cores();
    }
    // SAFETY: every number is below the set's capacity.
    (0..capacity())
        .filter(|&core| unsafe { libc::CPU_ISSET(core, &cores) })
        .collect()
}

fn empty_set() -> libc::cpu_set_t {
    // SAFETY: a cpu_set_t is plain bits, and all bits off is the empty set.
    unsafe { mem::zeroed() }
}

const fn capacity() -> usize {
    mem::size_of::<libc::cpu_set_t>() * 8
}

pub(super) fn defer_port_choice(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open, the pointer is to a c_int that outlives the call, and the length is its size.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            mem::size_of_val(&on) as libc::socklen_t,
        )
    };
    let error = io::Error::last_os_error();
    // Linux before 4.2 does not know the option; connecting works without it.
    if status == 0 || error.raw_os_error() == Some(libc::ENOPROTOOPT) {
        Ok(())
    } else {
        Err(error)
    }
}

pub(super) const SELECTOR_RESOLUTION: Duration = Duration::from_millis(1);

pub(super) fn sharpen_timers() {
    // SAFETY: PR_SET_TIMERSLACK takes a number and touches no memory of ours. Its failure costs accuracy and nothing else.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
}

pub(super) fn wait_readable(fd: BorrowedFd<'_>, timeout: Duration) -> io::Result<()> {
    let mut entry = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    };
    // SAFETY: both pointers are to locals that outlive the call, the count is that of the one entry, and a null mask
    // leaves the signal mask alone.
    match unsafe { libc::ppoll(&raw mut entry, 1, &raw const timeout, ptr::null()) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(super) fn ephemeral_ports() -> Option<u64> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut bounds = range
        .split_ascii_whitespace()
        .map(|bound| bound.parse::<u64>().ok());
    let (low, high) = (bounds.next()??, bounds.next()??);
    Some(high.checked_sub(low)? + 1)
}
