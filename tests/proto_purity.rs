//! The machines use `core` and `alloc` only, and the hub a digest beside: their source names nothing else, and without
//! features the crate depends on nothing.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The modules that must be pure. One that does not exist yet is taken in when it does.
const PURE: [&str; 3] = ["hub", "proto", "session"];
/// What one of them may use beside.
const DIGEST: (&str, &str) = ("hub", "sha2");
const PRIMITIVES: [&str; 17] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
    "f32", "f64",
];

#[test]
fn the_machines_name_core_and_alloc_only() {
    let mut files = Vec::new();
    for module in PURE {
        let base = Path::new(ROOT).join("src").join(module);
        sources(&base, &mut files);
        let single = base.with_extension("rs");
        if single.exists() {
            files.push(single);
        }
    }
    let (mut paths, mut complaints) = (0, Vec::new());
    for file in &files {
        let source = fs::read_to_string(file).expect("readable");
        let found = scan(&source, depth(file), beside(file));
        paths += found.paths;
        complaints.extend(found.foreign.iter().map(|path| format!("{}: {path}", file.display())));
    }
    assert!(files.len() >= 35, "only {} files were found", files.len());
    assert!(paths >= 500, "only {paths} paths were read");
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn the_scan_finds_what_it_looks_for() {
    for planted in [
        "use std::time::Instant;",
        "use ::std::time::Instant;",
        "use {core::fmt, std::vec};",
        "use std as core;",
        "extern crate std;",
        "fn f() { let now = std::time::Instant::now(); }",
        "fn f() -> ::js_sys::Date { todo!() }",
        "use web_sys::WebSocket;",
        "use crate::browser::Reactor;",
        "use crate::{proto::Time, browser};",
        "use crate::*;",
        "fn f(x: crate::codec::Payload) {}",
        "use super::browser;",
        "use super::{browser};",
        "/* a comment */ use /* another */ std::fmt; // and one more",
        "const S: &str = \"// no comment\"; use std::fmt;",
        "const C: char = '\"'; use std::fmt; const D: char = '\"';",
        "#[cfg(feature = \"std\")] fn f() {}",
        "#[path = \"../browser/clock.rs\"] mod clock;",
        "include!(\"../browser/clock.rs\");",
    ] {
        assert!(!scan(planted, 1, None).foreign.is_empty(), "overlooked: {planted}");
    }
    for pure in [
        "use core::time::Duration; use alloc::vec::Vec; fn f(_: Duration) { Vec::<u8>::new(); u64::from(1u8); }",
        "use core::fmt; impl fmt::Display for T {}",
        "use crate::proto::policy::{self, Verdict}; fn f() { policy::verdict(1); Self::g(); }",
        "use crate::session; use crate::{proto, session::Frame};",
        "mod timer; pub use timer::Timer;",
        "// use std::fmt;\n/* std::fmt /* nested */ std::fmt */ /// [`std::fmt`]\n//! std::fmt",
        "const S: &str = \"std::fmt \\\" std::fmt\"; const R: &str = r#\"std::\"fmt\"#; fn f<'a>(s: &'a str) {}",
    ] {
        assert_eq!(scan(pure, 1, None).foreign, Vec::<String>::new(), "{pure}");
    }
    assert!(scan("use super::policy::Config;", 2, None).foreign.is_empty());
    assert!(!scan("use super::super::browser;", 2, None).foreign.is_empty());
    assert!(scan("use super::super::proto;", 2, None).foreign.is_empty());
    assert!(scan("use sha2::Digest;", 1, Some("sha2")).foreign.is_empty());
    assert!(!scan("use sha2::Digest;", 1, None).foreign.is_empty());
    assert!(!scan("use tokio::time;", 1, Some("sha2")).foreign.is_empty());
}

#[test]
fn without_features_the_crate_depends_on_nothing() {
    let tree = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree", "-p", "tautline", "-e", "normal", "--prefix", "none", "--target", "all",
            ])
            .args(arguments)
            .current_dir(ROOT)
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout).expect("UTF-8");
        tree.lines()
            .filter(|line| !line.is_empty())
            .map(String::from)
            .collect::<Vec<_>>()
    };
    let bare = tree(&["--no-default-features"]);
    assert!(bare.len() == 1 && bare[0].starts_with("tautline v"), "{bare:#?}");
    // The same question with features has other answers.
    assert!(tree(&[]).iter().any(|line| line.starts_with("wasm-bindgen v")));
}

#[test]
fn the_crate_is_no_std() {
    let source = fs::read_to_string(Path::new(ROOT).join("src/lib.rs")).expect("readable");
    let tokens = tokens(&strip(&source));
    let has = |wanted: &[&str]| tokens.windows(wanted.len()).any(|window| window == wanted);
    assert!(has(&["#", "!", "[", "no_std", "]"]));
    // Nor does it take std back, but where a feature asks for it.
    let with_std = tokens
        .windows(3)
        .filter(|window| window[..] == ["extern", "crate", "std"])
        .count();
    let asked_for = [
        "#", "[", "cfg", "(", "feature", "=", "\"", "\"", ")", "]", "extern", "crate", "std",
    ];
    assert_eq!(with_std, usize::from(has(&asked_for)));
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// How many times `super` leads from a file's module to the crate.
fn depth(file: &Path) -> usize {
    let inside = file.strip_prefix(Path::new(ROOT).join("src")).expect("in src");
    let is_folder = file.file_name().is_some_and(|name| name == "mod.rs");
    inside.components().count() - usize::from(is_folder)
}

/// The crate that a file may use beside `core` and `alloc`.
fn beside(file: &Path) -> Option<&'static str> {
    let (module, dependency) = DIGEST;
    let inside = file.strip_prefix(Path::new(ROOT).join("src")).expect("in src");
    inside.starts_with(module).then_some(dependency)
}

#[derive(Default)]
struct Scan {
    /// Paths that were looked at.
    paths: usize,
    /// Those that lead out.
    foreign: Vec<String>,
}

/// Looks at the root of every path in a source file.
fn scan(source: &str, depth: usize, beside: Option<&str>) -> Scan {
    let tokens = tokens(&strip(source));
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let at = |index: usize| tokens.get(index).copied().unwrap_or("");
    let known = declared(&tokens);
    let mut scan = Scan::default();
    for index in 0..tokens.len() {
        let (token, next) = (at(index), at(index + 1));
        let before = if index == 0 { "" } else { at(index - 1) };
        if matches!(token, "path" | "feature" | "include") && matches!(next, "=" | "!") {
            scan.foreign.push(format!("{token}{next}"));
        }
        // `Vec<u8>::new`, but not the arrow of `-> ::std`.
        let is_arrow = index >= 3 && matches!(at(index - 3), "-" | "=");
        let follows_path = index >= 2 && (is_name(at(index - 2)) || (at(index - 2) == ">" && !is_arrow));
        let inside_path = before == "::" && follows_path && !matches!(at(index - 2), "use" | "return" | "as" | "in");
        let is_imported = before == "use" || (before == "crate" && at(index.wrapping_sub(2)) == "extern");
        if !is_name(token) || inside_path || !(next == "::" || is_imported) {
            continue;
        }
        scan.paths += 1;
        let absolute = before == "::";
        let allowed = match token {
            "core" | "alloc" => before != "crate",
            "crate" => leads_inside(&tokens, index + 1),
            "super" => {
                let supers = (0..).take_while(|step| at(index + 2 * step) == "super").count();
                supers < depth || leads_inside(&tokens, index + 2 * supers - 1)
            }
            "self" | "Self" => true,
            // Names of lints.
            "clippy" => true,
            _ if absolute => false,
            _ if beside == Some(token) => true,
            _ => token.starts_with(char::is_uppercase) || PRIMITIVES.contains(&token) || known.contains(token),
        };
        if !allowed {
            let path = &tokens[index..tokens.len().min(index + 5)];
            scan.foreign.push(path.concat());
        }
    }
    scan
}

/// Whether what follows the crate's own root, from the `::` at `index`, is one of the pure modules, or a list of them.
fn leads_inside(tokens: &[&str], index: usize) -> bool {
    let at = |index: usize| tokens.get(index).copied().unwrap_or("");
    if at(index) != "::" {
        return false;
    }
    if at(index + 1) != "{" {
        return PURE.contains(&at(index + 1));
    }
    let (mut depth, mut first) = (1, true);
    for token in &tokens[index + 2..] {
        match *token {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            "," if depth == 1 => {
                first = true;
                continue;
            }
            name if depth == 1 && first && !PURE.contains(&name) => return false,
            _ => {}
        }
        first = false;
    }
    true
}

/// The lower-case names that a file imports or declares as modules; their own roots are looked at where they come from.
fn declared<'a>(tokens: &[&'a str]) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    let (mut in_use, mut previous) = (false, "");
    for (index, &token) in tokens.iter().enumerate() {
        match token {
            "use" => in_use = true,
            ";" => in_use = false,
            _ => {}
        }
        let next = tokens.get(index + 1).copied().unwrap_or("");
        if previous == "mod" || (in_use && is_name(token) && next != "::" && !matches!(previous, "use" | "{" | ",")) {
            names.insert(token);
        }
        // `use path::{self}` and `use path::{name}`.
        if in_use && token == "{" && index >= 2 {
            let owner = tokens[index - 2];
            let list = tokens[index + 1..].iter().take_while(|&&token| token != "}");
            for &name in list {
                names.insert(if name == "self" { owner } else { name });
            }
        }
        previous = token;
    }
    for root in ["std", "core", "alloc", "crate"] {
        names.remove(root);
    }
    names
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Names, `::`, and every other character on its own.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut joins = false;
    let mut characters = source.chars().peekable();
    while let Some(character) = characters.next() {
        if character.is_alphanumeric() || character == '_' {
            match tokens.last_mut() {
                Some(name) if joins => name.push(character),
                _ => tokens.push(character.into()),
            }
            joins = true;
            continue;
        }
        joins = false;
        if character == ':' && characters.next_if_eq(&':').is_some() {
            tokens.push("::".into());
        } else if !character.is_whitespace() {
            tokens.push(character.into());
        }
    }
    tokens
}

/// The source without comments, and with nothing in its strings.
fn strip(source: &str) -> String {
    let source: Vec<char> = source.chars().collect();
    let starts = |index: usize, text: &str| text.chars().enumerate().all(|(i, c)| source.get(index + i) == Some(&c));
    let mut code = String::new();
    let mut index = 0;
    while let Some(&character) = source.get(index) {
        let in_name = code.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        let hashes = source[index + 1..].iter().take_while(|&&next| next == '#').count();
        if starts(index, "//") {
            while index < source.len() && source[index] != '\n' {
                index += 1;
            }
        } else if starts(index, "/*") {
            let mut depth = 0;
            while index < source.len() {
                if starts(index, "/*") {
                    depth += 1;
                    index += 2;
                } else if starts(index, "*/") {
                    depth -= 1;
                    index += 2;
                } else {
                    index += 1;
                }
                if depth == 0 {
                    break;
                }
            }
            code.push(' ');
        } else if character == 'r' && !in_name && source.get(index + 1 + hashes) == Some(&'"') {
            let end = format!("\"{}", "#".repeat(hashes));
            index += hashes + 2;
            while index < source.len() && !starts(index, &end) {
                index += 1;
            }
            index += end.len();
            code.push_str("\"\"");
        } else if character == '"' {
            index += 1;
            while index < source.len() && source[index] != '"' {
                index += if source[index] == '\\' { 2 } else { 1 };
            }
            index += 1;
            code.push_str("\"\"");
        } else if character == '\'' && (source.get(index + 1) == Some(&'\\') || source.get(index + 2) == Some(&'\'')) {
            // A character, and no lifetime.
            index += if source.get(index + 1) == Some(&'\\') { 3 } else { 2 };
            while index < source.len() && source[index] != '\'' {
                index += 1;
            }
            index += 1;
            code.push_str("' '");
        } else {
            code.push(character);
            index += 1;
        }
    }
    code
}
