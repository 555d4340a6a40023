//! Tests of the system's figures against what the process does.

use std::hint::black_box;

use super::*;

#[test]
fn the_file_limit_is_raised_and_told() {
    let before = open_file_limit().unwrap();
    let after = raise_open_file_limit().unwrap();
    assert!(after.soft >= before.soft && after.hard == before.hard);
    assert_eq!(open_file_limit().unwrap(), after);
    if cfg!(target_os = "linux") {
        assert_eq!(after.soft, after.hard);
    }
}

#[test]
fn work_costs_processor_time() {
    let before = usage_of_self().unwrap();
    let mut sum = 0_u64;
    while usage_of_self().unwrap().cpu() == before.cpu() {
        sum = (0..10_000).fold(sum, |sum, n| black_box(sum.wrapping_mul(31).wrapping_add(n)));
    }
    assert!(usage_of_self().unwrap().cpu() > before.cpu(), "{sum}");
}

#[test]
fn work_costs_the_thread_that_does_it_processor_time() {
    let other = std::thread::spawn(|| {
        let before = usage_of_thread().unwrap().cpu;
        let mut sum = 0_u64;
        while usage_of_thread().unwrap().cpu - before < Duration::from_millis(20) {
            sum = (0..10_000).fold(sum, |sum, n| black_box(sum.wrapping_mul(31).wrapping_add(n)));
        }
        sum
    });
    let before = usage_of_thread().unwrap();
    other.join().unwrap();
    let after = usage_of_thread().unwrap();
    assert!(
        after.cpu - before.cpu < Duration::from_millis(20),
        "a thread that waits uses nothing"
    );
    assert!(after.waited >= before.waited);
}

#[test]
fn peak_memory_is_told_in_bytes() {
    let peak = usage_of_self().unwrap().peak_resident.unwrap();
    assert!((1 << 20..1 << 40).contains(&peak.0), "{peak:?}");
}

#[test]
fn there_is_a_core_to_run_on() {
    assert!(!allowed_cores().is_empty());
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn a_child_is_measured_by_its_pid() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let usage = usage_of(child.id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(usage.threads, Some(1));
        assert!(usage.resident.is_some_and(|resident| resident.0 > 0));
        assert!(usage.open_files.is_some_and(|files| files >= 3));
        assert_eq!(usage_of(child.id()).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn own_memory_threads_and_files_are_told() {
        let file = tempfile::tempfile().unwrap();
        let usage = usage_of_self().unwrap();
        assert!(
            usage.resident.unwrap() <= usage.peak_resident.unwrap() || usage.resident.unwrap().0 > 1 << 20
        );
        assert!(usage.threads.unwrap() >= 1);
        assert!(usage.open_files.unwrap() >= 4, "{file:?}");
    }

    #[test]
    fn memory_and_sockets_of_the_machine_are_told() {
        assert!(available_memory().unwrap().0 > 1 << 20);
        assert!(time_wait_sockets().is_some());
        assert!(usage_of_thread().unwrap().waited.is_some());
    }

    #[test]
    fn a_thread_is_pinned_to_a_core_of_ours() {
        std::thread::spawn(|| {
            let core = *allowed_cores().last().unwrap();
            pin_current_thread(core).unwrap();
            assert_eq!(allowed_cores(), [core]);
            assert_eq!(
                pin_current_thread(1 << 20).unwrap_err().kind(),
                io::ErrorKind::InvalidInput
            );
        })
        .join()
        .unwrap();
    }
}
