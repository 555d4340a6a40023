//! `getrusage`: this process's processor time in microseconds and the most memory it ever used.

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use super::ProcessUsage;
use crate::units::ByteSize;

/// The unit of `ru_maxrss`: kibibytes, but bytes on Apple's systems.
const PEAK_UNIT: u64 = if cfg!(target_vendor = "apple") { 1 } else { 1024 };

pub(super) fn own_usage() -> io::Result<ProcessUsage> {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to room for an rusage that outlives the call.
    if unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all-zero bytes are a valid rusage, which the call has filled in.
    let usage = unsafe { usage.assume_init() };
    Ok(ProcessUsage {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        peak_resident: u64::try_from(usage.ru_maxrss)
            .ok()
            .map(|peak| ByteSize(peak * PEAK_UNIT)),
        ..ProcessUsage::default()
    })
}

/// Processor time of the calling thread.
pub(super) fn thread_time() -> io::Result<Duration> {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the pointer is to room for a timespec that outlives the call.
    if unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all-zero bytes are a valid timespec, which the call has filled in.
    let time = unsafe { time.assume_init() };
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    Ok(Duration::from_secs(seconds) + Duration::from_nanos(nanos))
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let micros = u64::try_from(time.tv_usec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}
