//! The limit on open files.

use std::io;

/// How many files this process may have open at once, sockets included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLimit {
    /// What holds now.
    pub soft: u64,
    /// How far the process may raise it by itself.
    pub hard: u64,
}

/// The limit that holds now.
///
/// # Errors
/// The system does not tell.
pub fn open_file_limit() -> io::Result<FileLimit> {
    let limit = get()?;
    Ok(FileLimit {
        soft: limit.rlim_cur,
        hard: limit.rlim_max,
    })
}

/// Raises the limit as far as this process may, and returns what holds then.
///
/// # Errors
/// The system does not tell the limit. A limit that cannot be raised is no error: the answer says what holds.
pub fn raise_open_file_limit() -> io::Result<FileLimit> {
    let limit = get()?;
    // macOS names "unlimited" as the hard limit and accepts only what its kernel allows a process; its documented
    // constant OPEN_MAX is the last resort.
    for wanted in [limit.rlim_max, 1 << 20, 1 << 18, 1 << 16, 10_240] {
        if wanted <= limit.rlim_cur {
            break;
        }
        if wanted <= limit.rlim_max
            && set(libc::rlimit {
                rlim_cur: wanted,
                ..limit
            })
            .is_ok()
        {
            break;
        }
    }
    open_file_limit()
}

fn get() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is to a valid rlimit that outlives the call.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

fn set(limit: libc::rlimit) -> io::Result<()> {
    // SAFETY: the pointer is to a valid rlimit that outlives the call.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
