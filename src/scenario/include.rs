//! Includes: several files to one tree, in which every value still knows its file.
//!
//! An `include` may stand in three places: at the top of a file, in an entry of `scenarios`, and as a step of its own. In
//! the first two, mappings are merged key by key, and what stands beside the `include` wins; a step's file is a list of
//! steps that take its place.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Problem;
use super::yaml::{self, Content, Node, Position};

/// More files than any scenario is made of.
const MAX_FILES: usize = 100;

/// Of two such keys the including file's replaces the other.
const EXCLUSIVE: [(&str, &str); 3] = [("stages", "arrivals"), ("flow", "scenarios"), ("path", "route")];

/// What an entry of `scenarios` takes from a file that is a whole scenario.
const OF_A_KIND: [&str; 8] = [
    "name",
    "weight",
    "connection",
    "heartbeat",
    "feeder",
    "fanout",
    "stream",
    "flow",
];

/// What it needs of such a file that stands at the top.
const OF_THE_WHOLE: [&str; 2] = ["variables", "routes"];

/// A file of a scenario.
#[derive(Debug)]
pub(super) struct Source {
    /// As errors call it.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The files of a scenario, its own first, and what is wrong with their being put together.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) files: Vec<Source>,
    pub(super) problems: Vec<Problem>,
    /// The files around the present one, by their real paths.
    around: Vec<PathBuf>,
}

type Entries = Vec<(Node, Node)>;

impl Sources {
    /// Reads the tree of a scenario with everything that it includes; `None` if its own text is no YAML.
    pub(super) fn assemble(&mut self, main: Source) -> Option<Node> {
        self.around.push(real(&main.path));
        let mut root = self.parse(main)?;
        self.expand_document(&mut root);
        Some(root)
    }

    /// The paths of the files, in the order of their numbers.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    fn parse(&mut self, source: Source) -> Option<Node> {
        let file = u16::try_from(self.files.len()).unwrap_or(u16::MAX);
        let parsed = yaml::parse(&source.text, file);
        self.files.push(source);
        parsed.map_err(|problem| self.problems.push(problem)).ok()
    }

    fn problem(&mut self, at: Position, message: impl Into<String>) {
        self.problems.push(Problem::new(at, message));
    }

    fn expand_document(&mut self, root: &mut Node) {
        let Content::Mapping(entries) = &mut root.content else {
            return;
        };
        self.merge_includes(entries, Self::expand_document);
        let mut hoisted = Vec::new();
        for (key, value) in entries.iter_mut() {
            match (key.content.scalar(), &mut value.content) {
                (Some("flow"), _) => self.expand_steps(value),
                (Some("scenarios"), Content::List(items)) => {
                    for item in items {
                        hoisted.extend(self.expand_kind(item));
                    }
                }
                _ => {}
            }
        }
        merge(entries, hoisted, false);
    }

    /// An entry of `scenarios`; returns what belongs to the top of the file of what it includes.
    fn expand_kind(&mut self, item: &mut Node) -> Entries {
        let Content::Mapping(entries) = &mut item.content else {
            return Vec::new();
        };
        let own: Vec<String> = names(entries).map(str::to_owned).collect();
        self.merge_includes(entries, Self::expand_document);
        let mut hoisted = Vec::new();
        entries.retain_mut(|(key, value)| {
            let name = key.content.scalar().unwrap_or_default();
            let is_own = own.iter().any(|own| own == name);
            if OF_THE_WHOLE.contains(&name) && !is_own {
                hoisted.push((key.clone(), value.clone()));
            }
            OF_A_KIND.contains(&name) || is_own
        });
        for (key, value) in entries {
            if key.content.scalar() == Some("flow") {
                self.expand_steps(value);
            }
        }
        hoisted
    }

    /// Takes the `include` out of a mapping and merges what it names into it.
    fn merge_includes(&mut self, entries: &mut Entries, expand: fn(&mut Self, &mut Node)) {
        let Some(index) = names(entries).position(|name| name == "include") else {
            return;
        };
        let (_, value) = entries.remove(index);
        let paths = match value.content {
            Content::List(items) => items,
            _ => vec![value],
        };
        let mut base = Vec::new();
        for path in &paths {
            let Some(mut root) = self.read(path, expand) else {
                continue;
            };
            match &mut root.content {
                Content::Mapping(included) => merge(&mut base, std::mem::take(included), true),
                Content::Null => {}
                _ => self.problem(
                    root.at,
                    "expected the keys of a scenario, for it is included where they stand",
                ),
            }
        }
        merge(&mut base, std::mem::take(entries), true);
        *entries = base;
    }

    fn expand_steps(&mut self, steps: &mut Node) {
        let Content::List(items) = &mut steps.content else {
            return;
        };
        for mut step in std::mem::take(items) {
            let Content::Mapping(keys) = &mut step.content else {
                items.push(step);
                continue;
            };
            let include = names(keys).position(|name| name == "include");
            match include {
                Some(index) if keys.len() == 1 => {
                    let (_, path) = keys.remove(index);
                    items.extend(self.included_steps(&path));
                }
                Some(index) => self.problem(keys[index].0.at, "`include` is a step of its own"),
                None => {
                    self.expand_nested(keys);
                    items.push(step);
                }
            }
        }
    }

    fn expand_nested(&mut self, keys: &mut Entries) {
        for (key, value) in keys {
            match (key.content.scalar(), &mut value.content) {
                (Some("do" | "then" | "else"), _) => self.expand_steps(value),
                (Some("switch"), Content::List(cases)) => {
                    for case in cases {
                        if let Content::Mapping(keys) = &mut case.content {
                            self.expand_nested(keys);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn included_steps(&mut self, path: &Node) -> Vec<Node> {
        match self.read(path, Self::expand_steps) {
            Some(Node {
                content: Content::List(steps),
                ..
            }) => steps,
            Some(other) => {
                self.problem(
                    other.at,
                    "expected a list of steps, for it is included where a step stands",
                );
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Reads a file that another one includes, with what it includes itself.
    fn read(&mut self, path: &Node, expand: fn(&mut Self, &mut Node)) -> Option<Node> {
        let Some(written) = path.content.scalar() else {
            let found = path.content.describe();
            self.problem(path.at, format!("expected the path of a file, found {found}"));
            return None;
        };
        let folder = self
            .files
            .get(usize::from(path.at.file))
            .and_then(|file| file.path.parent());
        let file = folder.unwrap_or(Path::new("")).join(written);
        let real = real(&file);
        if self.around.contains(&real) {
            self.problem(path.at, format!("{} includes itself", file.display()));
            return None;
        }
        if self.files.len() >= MAX_FILES {
            self.problem(
                path.at,
                format!("a scenario is made of at most {MAX_FILES} files"),
            );
            return None;
        }
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                self.problem(path.at, format!("cannot read {}: {error}", file.display()));
                return None;
            }
        };
        let source = Source {
            name: file.display().to_string(),
            path: file,
            text,
        };
        let mut root = self.parse(source)?;
        self.around.push(real);
        expand(self, &mut root);
        self.around.pop();
        Some(root)
    }
}

/// The path without links and detours, as far as the file exists.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn names(entries: &Entries) -> impl Iterator<Item = &str> {
    entries
        .iter()
        .map(|(key, _)| key.content.scalar().unwrap_or_default())
}

/// Puts entries into a mapping; where both have a key, mappings are merged, and of other values the `added` ones win if
/// `wins` says so.
fn merge(entries: &mut Entries, added: Entries, wins: bool) {
    for (key, value) in added {
        let name = key.content.scalar().unwrap_or_default();
        let rival = EXCLUSIVE.iter().find_map(|(one, other)| match name {
            name if name == *one => Some(*other),
            name if name == *other => Some(*one),
            _ => None,
        });
        if let (Some(rival), true) = (rival, wins) {
            entries.retain(|(key, _)| key.content.scalar() != Some(rival));
        }
        let present = entries
            .iter_mut()
            .find(|(key, _)| key.content.scalar() == Some(name));
        match present {
            None => entries.push((key, value)),
            Some((present_key, present)) => match (&mut present.content, value.content) {
                (Content::Mapping(into), Content::Mapping(added)) => merge(into, added, wins),
                (_, content) if wins => {
                    *present_key = key;
                    present.at = value.at;
                    present.content = content;
                }
                _ => {}
            },
        }
    }
}
