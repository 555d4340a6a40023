//! Files that do not exist, but nearly.

use std::fs;
use std::path::{Path, PathBuf};

use crate::units::{nearest, suggestion};

/// Where scenarios are by custom, for those who name only the file.
const SCENARIOS: &str = "scenarios";

/// ``; did you mean `scenarios/iot.yaml`?`` of a file that is not there, or nothing.
pub(super) fn meant(path: &Path) -> String {
    let meant = || {
        let in_its_folder = existing(path, Path::is_file);
        in_its_folder.or_else(|| existing(&Path::new(SCENARIOS).join(path), Path::is_file))
    };
    let meant = if path.exists() { None } else { meant() };
    suggestion(meant.map(|path| path.display().to_string()).as_deref())
}

/// The path itself, or the nearest one that exists; each of its folders may be wrong too.
fn existing(path: &Path, is_wanted: fn(&Path) -> bool) -> Option<PathBuf> {
    if is_wanted(path) {
        return Some(path.to_owned());
    }
    let name = path.file_name()?.to_str()?;
    let parent = path.parent()?;
    let folder = if parent.as_os_str().is_empty() {
        PathBuf::new()
    } else {
        existing(parent, Path::is_dir)?
    };
    let readable = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &folder
    };
    let mut names: Vec<String> = fs::read_dir(readable)
        .ok()?
        .flatten()
        .filter(|entry| is_wanted(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    let nearest = nearest(name, names.iter().map(String::as_str))?;
    Some(folder.join(nearest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_is_found_in_the_nearest_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("scenarios")).unwrap();
        for name in ["iot.yaml", "echo.yaml", "iot.json"] {
            fs::write(folder.path().join("scenarios").join(name), "").unwrap();
        }
        let suggested = |written: &str| {
            let text = meant(&folder.path().join(written));
            text.strip_prefix(&format!("; did you mean `{}/", folder.path().display()))
                .map_or(text.clone(), |rest| rest.trim_end_matches("`?").to_owned())
        };
        for (written, expected) in [
            ("scenarios/iott.yaml", "scenarios/iot.yaml"),
            ("scenarios/iot.yml", "scenarios/iot.yaml"),
            ("scenarois/eco.yaml", "scenarios/echo.yaml"),
            ("scenarios/iot", "scenarios/iot.json"),
            ("scenarios/iot.yaml", ""),
            ("scenarios/banana.yaml", ""),
            ("elsewhere/iot.yaml", ""),
        ] {
            assert_eq!(suggested(written), expected, "{written}");
        }
    }
}
