//! What a service manager is told of the server's life (`sd_notify(3)`): a few words over a Unix datagram socket.

#[cfg(unix)]
use std::ffi::OsStr;
#[cfg(unix)]
use std::io;
#[cfg(unix)]
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Tells the service manager, if there is one that wants to know.
#[derive(Debug)]
pub(super) struct Notifier {
    #[cfg(unix)]
    socket: Option<UnixDatagram>,
}

impl Notifier {
    /// Where `NOTIFY_SOCKET` says.
    pub(super) fn from_environment() -> Self {
        Self {
            #[cfg(unix)]
            socket: std::env::var_os("NOTIFY_SOCKET").and_then(|name| connect(&name)),
        }
    }

    /// Connections can be made, for the first time or after a reload.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// The configuration is read again; [`Notifier::ready`] follows.
    pub(super) fn reloading(&self) {
        // The manager wants to know that this is no older than its request (`systemd.service(5)`, notify-reload).
        let micros = crate::net::system::monotonic_clock().as_micros();
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The server stops.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    #[cfg(unix)]
    fn tell(&self, state: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(state.as_bytes())
        {
            tracing::warn!(%error, "cannot tell the service manager how the server is");
        }
    }

    #[cfg(not(unix))]
    fn tell(&self, _: &str) {}
}

#[cfg(unix)]
fn connect(name: &OsStr) -> Option<UnixDatagram> {
    let connected = || -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address(name)?)?;
        Ok(socket)
    };
    let connected = connected();
    connected
        .inspect_err(|error| tracing::warn!(%error, "NOTIFY_SOCKET cannot be used"))
        .ok()
}

/// A path, or, behind `@`, a name without a file.
#[cfg(unix)]
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::ffi::OsStrExt;
        if let Some(rest) = name.as_bytes().strip_prefix(b"@") {
            return SocketAddr::from_abstract_name(rest);
        }
    }
    SocketAddr::from_pathname(name)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::linux::net::SocketAddrExt;

    use super::*;

    fn heard(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn told(manager: &UnixDatagram, name: &OsStr) {
        let notifier = Notifier {
            socket: connect(name),
        };
        notifier.ready();
        assert_eq!(heard(manager), "READY=1");
        notifier.reloading();
        let reloading = heard(manager);
        let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(micros.parse::<u64>().unwrap() > 0);
        notifier.stopping();
        assert_eq!(heard(manager), "STOPPING=1");
    }

    #[test]
    fn a_manager_is_told_by_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        told(&UnixDatagram::bind(&path).unwrap(), path.as_os_str());
    }

    #[test]
    fn a_manager_is_told_by_abstract_name() {
        let name = format!("wsbench-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        told(&manager, OsStr::new(&format!("@{name}")));
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        Notifier { socket: None }.ready();
        assert!(connect(OsStr::new("/nonexistent/notify")).is_none());
    }
}
