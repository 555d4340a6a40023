//! A pseudo-terminal for a program under test.

use std::ffi::{CStr, OsStr};
use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;

/// A pseudo-terminal of 80 columns and 24 rows: its outer and its inner end.
///
/// Both are closed on exec from the first moment on. A program that another test starts at the same time would otherwise
/// inherit the outer end, and the terminal would neither vanish with the test's own nor be read by anybody.
pub(crate) fn open_terminal() -> (OwnedFd, OwnedFd) {
    let size = libc::winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let mut name = [0; 64];
    // SAFETY: the descriptor is checked and ours alone; the name's room and the size are live variables.
    let outer = unsafe {
        let outer = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
        assert!(outer >= 0);
        let outer = OwnedFd::from_raw_fd(outer);
        let fd = outer.as_raw_fd();
        assert_eq!(libc::grantpt(fd), 0);
        assert_eq!(libc::unlockpt(fd), 0);
        assert_eq!(libc::ptsname_r(fd, name.as_mut_ptr(), name.len()), 0);
        assert_eq!(libc::ioctl(fd, libc::TIOCSWINSZ, &raw const size), 0);
        outer
    };
    // SAFETY: the call above has ended the name with a zero.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    let inner: File = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open(OsStr::from_bytes(name.to_bytes()))
        .unwrap();
    (outer, inner.into())
}
