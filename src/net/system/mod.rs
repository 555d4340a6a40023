//! What the operating system knows of a process, and what it lets one set. Linux first; what only Linux can do has a
//! portable fallback here, so that nothing above needs to ask which system it runs on.
//!
//! | function | Linux | elsewhere |
//! |---|---|---|
//! | [`raise_open_file_limit`] | to the hard limit | as far as the system allows |
//! | [`usage_of_self`] | `getrusage` and `/proc` | `getrusage`: no current memory, threads or files |
//! | [`load_of_self`] | the same without the files | the same |
//! | [`usage_of`] | `/proc` | unsupported |
//! | [`pin_current_thread`] | `sched_setaffinity` | unsupported |
//! | [`allowed_cores`] | `sched_getaffinity` | all cores |
//! | [`monotonic_clock`] | `CLOCK_MONOTONIC` | the same |
//! | [`cpu_model`] | `/proc/cpuinfo` | unknown |
//! | [`usage_of_thread`] | `CLOCK_THREAD_CPUTIME_ID` and `/proc` | no time spent waiting for a core |
//! | [`time_wait_sockets`] | `/proc/net/sockstat` | unknown |
//! | [`available_memory`] | `/proc/meminfo` | unknown |
//! | [`ephemeral_ports`] | `ip_local_port_range` | unknown |
//! | [`sharpen_timers`] | `PR_SET_TIMERSLACK` | nothing: timers are as they are |
//! | [`ignores_hang_up`] | `sigaction` | the same |
//! | [`wait_readable`] | `ppoll`, nanoseconds | `poll`, milliseconds |

mod limits;
#[cfg(target_os = "linux")]
mod linux;
mod machine;
#[cfg(not(target_os = "linux"))]
mod portable;
mod rusage;
#[cfg(test)]
mod tests;

#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
use portable as platform;

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use socket2::Socket;

use crate::units::ByteSize;

pub use limits::{FileLimit, open_file_limit, raise_open_file_limit};
pub use machine::Machine;

/// What kind of processor this is; `None` where the system does not tell.
#[must_use]
pub fn cpu_model() -> Option<String> {
    platform::cpu_model()
}

/// How many local ports the system hands out to connections that do not ask for one; `None` where it does not tell. Each
/// pair of a source and a target address has so many.
#[must_use]
pub fn ephemeral_ports() -> Option<u64> {
    platform::ephemeral_ports()
}

/// Connections in TIME_WAIT, each of which keeps its local port; `None` where the system does not tell.
#[must_use]
pub fn time_wait_sockets() -> Option<u64> {
    platform::time_wait_sockets()
}

/// Memory of the machine that can be used without swapping; `None` where the system does not tell.
#[must_use]
pub fn available_memory() -> Option<ByteSize> {
    platform::available_memory()
}

/// Whether the process ignores SIGHUP, as one does that was started by `nohup`: it is to outlive its terminal.
#[must_use]
pub fn ignores_hang_up() -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null pointer in place of the new action changes nothing, and the other one is to room for the present one.
    if unsafe { libc::sigaction(libc::SIGHUP, std::ptr::null(), action.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: all-zero bytes are a valid sigaction, which the call has filled in.
    unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// What a thread has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadUsage {
    /// Processor time.
    pub cpu: Duration,
    /// How long it could have run and another had the core; `None` where the system does not tell.
    pub waited: Option<Duration>,
}

/// What the calling thread has used.
///
/// # Errors
/// The system does not tell.
pub fn usage_of_thread() -> io::Result<ThreadUsage> {
    Ok(ThreadUsage {
        cpu: rusage::thread_time()?,
        waited: platform::thread_waited(),
    })
}

/// What a process has used so far and holds now. `None` where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Processor time in user code, all threads together.
    pub user: Duration,
    /// Processor time in the kernel, all threads together.
    pub system: Duration,
    /// Memory in use now (RSS).
    pub resident: Option<ByteSize>,
    /// The most memory that was ever in use.
    pub peak_resident: Option<ByteSize>,
    /// Threads.
    pub threads: Option<u32>,
    /// Open files, sockets included.
    pub open_files: Option<u32>,
}

impl ProcessUsage {
    /// User and kernel time together.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.user + self.system
    }
}

/// What this process has used.
///
/// # Errors
/// The system does not tell.
pub fn usage_of_self() -> io::Result<ProcessUsage> {
    platform::usage_of_self()
}

/// What this process has used, without [`ProcessUsage::open_files`]: counting those takes the longer the more there are.
///
/// # Errors
/// The system does not tell.
pub fn load_of_self() -> io::Result<ProcessUsage> {
    platform::load_of_self()
}

/// What the process `pid` has used. Processor time comes in steps of a hundredth of a second.
///
/// # Errors
/// No such process, no permission, or a system that does not tell ([`io::ErrorKind::Unsupported`]).
pub fn usage_of(pid: u32) -> io::Result<ProcessUsage> {
    platform::usage_of(pid)
}

/// Binds the calling thread to one core, by its number in [`allowed_cores`].
///
/// # Errors
/// A core that does not exist or is not ours, or a system that cannot ([`io::ErrorKind::Unsupported`]).
pub fn pin_current_thread(core: usize) -> io::Result<()> {
    platform::pin_current_thread(core)
}

/// The numbers of the cores that this process may run on; never empty.
#[must_use]
pub fn allowed_cores() -> Vec<usize> {
    platform::allowed_cores()
}

/// The system's monotonic clock, for those who compare it with what other processes read from it.
#[must_use]
pub fn monotonic_clock() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a timespec of ours that lives longer than the call.
    let read = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    if read != 0 {
        return Duration::ZERO;
    }
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

/// The unit in which the system's selector (`epoll_wait`, `kevent`) counts a timeout.
pub const SELECTOR_RESOLUTION: Duration = platform::SELECTOR_RESOLUTION;

/// Lets timers of the calling thread fire as precisely as the system can, rather than bundled to save power.
pub fn sharpen_timers() {
    platform::sharpen_timers();
}

/// Waits until `fd` is readable, which a selector is when it has events, but no longer than `timeout`.
///
/// # Errors
/// The system refuses, or a signal came ([`io::ErrorKind::Interrupted`]).
pub fn wait_readable(fd: BorrowedFd<'_>, timeout: Duration) -> io::Result<()> {
    platform::wait_readable(fd, timeout)
}

/// Lets the system choose a bound socket's port when it connects (`IP_BIND_ADDRESS_NO_PORT`). Otherwise each port can be
/// used for one remote only; where the option is missing, that is what happens.
pub(super) fn defer_port_choice(socket: &Socket) -> io::Result<()> {
    platform::defer_port_choice(socket)
}

/// All cores as far as std knows; the fallback of [`allowed_cores`].
fn all_cores() -> Vec<usize> {
    (0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get)).collect()
}
