use super::*;

#[test]
fn a_name_is_a_file_of_the_folder_and_a_path_is_itself() {
    let folder = Path::new("reports/baselines");
    for (name, path) in [
        ("main", "reports/baselines/main.json"),
        ("v1.2", "reports/baselines/v1.2.json"),
        ("other.json", "other.json"),
        ("./main", "./main"),
        ("deep/main.json", "deep/main.json"),
    ] {
        assert_eq!(path_of(name, folder), Path::new(path), "{name}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_path_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put("main.json", "{\"schema\": \"wsbench.baseline/1\", \"name\": \"ma");
    put("old.json", "{\"schema\": \"wsbench.baseline/0\"}");
    put("summary.json", "{\"schema\": \"wsbench.summary/1\"}");
    put("text.json", "no JSON");
    for (name, expected) in [
        ("main", "breaks off in the middle"),
        (
            "old",
            "`wsbench.baseline/0`, and this wsbench reads `wsbench.baseline/1`",
        ),
        ("summary", "`wsbench.summary/1`"),
        ("text", "it is not a baseline"),
        ("mian", "did you mean `main`?"),
    ] {
        let failure = read(name, folder.path()).unwrap_err();
        assert!(failure.message.contains(expected), "{name}: {}", failure.message);
        assert!(
            failure.message.contains(&format!("{name}.json")),
            "{}",
            failure.message
        );
        assert_eq!(failure.code, ExitCode::BadConfiguration);
    }
    assert_eq!(names(folder.path()), ["main", "old", "summary", "text"]);
}
