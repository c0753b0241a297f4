//! Promise: the modules of the library stand as ARCHITECTURE.md says: each imports what is above it in the code map, none of
//! two beside one another need each other, and no file has grown beyond what one can hold in mind. And a script ends where something
//! of it fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The longest file of the program, in lines without its tests.
const MAX_LINES: usize = 400;

/// Modules that are there for tests alone: what they import is no affair of the program's.
const FOR_TESTS: [&str; 6] = ["tests", "testing", "contract", "fake", "sample", "fuzzing"];

/// A module by the names that lead to it from the library.
type Module = Vec<String>;

/// The program's modules with their text, without what is compiled for tests alone.
fn modules() -> BTreeMap<Module, String> {
    fn visit(folder: &Path, module: &Module, found: &mut BTreeMap<Module, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut module = module.clone();
            module.push(name.clone());
            if FOR_TESTS.contains(&&*name) || name == "bin" || name == "lib" {
                continue;
            }
            if path.is_dir() {
                visit(&path, &module, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text
                    .split("\n#[cfg(test)]\nmod tests {")
                    .next()
                    .unwrap()
                    .to_owned();
                found.insert(module, text);
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(&Path::new(ROOT).join("src"), &Vec::new(), &mut found);
    found
}

/// The paths that a text imports, those in braces each by itself.
fn imports(text: &str) -> Vec<Vec<String>> {
    fn expand(prefix: &str, tree: &str, paths: &mut Vec<Vec<String>>) {
        let tree = tree.trim();
        let Some((head, inner)) = tree.split_once('{') else {
            let path = format!("{prefix}{tree}");
            let path = path.split(" as ").next().unwrap();
            if !tree.is_empty() {
                paths.push(path.split("::").map(|name| name.trim().to_owned()).collect());
            }
            return;
        };
        let inner = &inner[..inner.rfind('}').unwrap()];
        let (mut depth, mut start) = (0, 0);
        let prefix = format!("{prefix}{head}");
        for (at, letter) in inner.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&prefix, &inner[start..at], paths);
                    start = at + 1;
                }
                _ => {}
            }
        }
        expand(&prefix, &inner[start..], paths);
    }
    let code: Vec<_> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = format!("\n{}", code.join("\n"));
    let mut paths = Vec::new();
    for start in ["\nuse ", "\npub use ", "\npub(super) use ", "\npub(crate) use "] {
        for rest in code.split(start).skip(1) {
            expand("", rest.split(';').next().unwrap(), &mut paths);
        }
    }
    paths
}

/// The module of ours that a path leads to from there.
fn target(from: &Module, path: &[String], modules: &BTreeMap<Module, String>) -> Option<Module> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let (mut at, rest) = match &*path[0] {
        "crate" => (Vec::new(), &path[1..]),
        "self" => (from.clone(), &path[1..]),
        "super" => (from[..from.len() - ups].to_vec(), &path[ups..]),
        _ => (from.clone(), path),
    };
    at.extend_from_slice(rest);
    while !at.is_empty() && !modules.contains_key(&at) {
        at.pop();
    }
    (!at.is_empty() && at != *from).then_some(at)
}

/// Which of two neighbours imports from the other, in whatever file below them.
fn edges() -> BTreeMap<(Module, Module), String> {
    let modules = modules();
    let mut edges = BTreeMap::new();
    for (from, text) in &modules {
        for path in imports(text) {
            let Some(to) = target(from, &path, &modules) else {
                continue;
            };
            let shared = from
                .iter()
                .zip(&to)
                .take_while(|(one, other)| one == other)
                .count();
            // Who imports from a module that it is in, or that is in it, has no neighbour.
            if shared < from.len() && shared < to.len() {
                let pair = (from[..=shared].to_vec(), to[..=shared].to_vec());
                edges.insert(pair, format!("{} imports {}", from.join("::"), path.join("::")));
            }
        }
    }
    edges
}

#[test]
fn of_two_neighbours_none_needs_the_other_in_a_circle() {
    let edges = edges();
    let mut reached: BTreeSet<(Module, Module)> = edges.keys().cloned().collect();
    loop {
        let further: Vec<_> = reached
            .iter()
            .flat_map(|(from, over)| {
                let next = edges.keys().filter(move |(start, _)| start == over);
                next.map(move |(_, to)| (from.clone(), to.clone()))
            })
            .filter(|pair| !reached.contains(pair))
            .collect();
        if further.is_empty() {
            break;
        }
        reached.extend(further);
    }

    let is_in_circle = |module: &Module| reached.contains(&(module.clone(), module.clone()));
    let circles = edges.iter().filter(|((from, to), _)| {
        is_in_circle(from) && is_in_circle(to) && reached.contains(&(to.clone(), from.clone()))
    });
    let circles: Vec<_> = circles.map(|(_, why)| why).collect();
    assert!(circles.is_empty(), "{circles:#?}");
    assert!(edges.len() > 300, "{}", edges.len());
}

/// The layers of the code map: each module's number.
fn layers() -> BTreeMap<String, u32> {
    let architecture = fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).unwrap();
    let mut layers = BTreeMap::new();
    for line in architecture.lines().filter_map(|line| line.strip_prefix("| ")) {
        let mut cells = line.split(" | ");
        if let Ok(layer) = cells.next().unwrap().parse() {
            let names = cells.next().unwrap().split('`').skip(1).step_by(2);
            layers.extend(names.map(|name| (name.to_owned(), layer)));
        }
    }
    layers
}

#[test]
fn nobody_imports_what_is_below_it_in_the_code_map_or_beside_it() {
    let layers = layers();
    let tops = modules().into_keys().filter(|module| module.len() == 1);
    for top in tops {
        assert!(layers.contains_key(&top[0]), "the code map lacks {}", top[0]);
    }
    for ((from, to), why) in edges() {
        if let ([from], [to]) = (&*from, &*to) {
            let is_above = layers[to] < layers[from] || layers[from] == 0 && layers[to] == 0;
            assert!(is_above, "{why}");
        }
    }
}

#[test]
fn no_file_is_longer_than_one_can_hold_in_mind() {
    for (module, text) in modules() {
        let path = format!("{}.rs", module.join("/"));
        let count = text.lines().count();
        assert!(
            count <= MAX_LINES,
            "{path} has {count} lines, and {MAX_LINES} is the most"
        );
    }
}

/// Names of functions that a script of the shell defines.
fn functions(script: &str) -> Vec<&str> {
    let starts = script.lines().filter_map(|line| line.split_once("() {"));
    starts
        .map(|(name, _)| name)
        .filter(|name| !name.contains(' '))
        .collect()
}

#[test]
fn a_script_ends_also_where_a_function_fails_whose_output_it_takes() {
    let mut takers = 0;
    for folder in ["scripts", "deploy/checks", ".ci"] {
        for entry in fs::read_dir(Path::new(ROOT).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let Ok(script) = fs::read_to_string(&path) else {
                continue;
            };
            if !script.starts_with("#!/usr/bin/env bash") {
                continue;
            }
            let mut names = functions(&script).into_iter();
            let takes = |name: &str| {
                [")", " "]
                    .iter()
                    .any(|end| script.contains(&format!("$({name}{end}")))
            };
            if let Some(name) = names.find(|name| takes(name)) {
                takers += 1;
                assert!(
                    script.contains("\nset -euo pipefail\n")
                        && script.contains("\nshopt -s inherit_errexit\n"),
                    "{} takes what {name} prints, in which bash goes on after a failure without inherit_errexit",
                    path.display()
                );
            }
        }
    }
    assert!(takers >= 5, "{takers}");
}
