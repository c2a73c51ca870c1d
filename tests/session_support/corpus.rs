//! The corpus: files with frames, to read and to write. Lines that begin with `#` are words; each other line is one frame,
//! `binary` or `text`, and its bytes in hex.

use std::fs;
use std::path::{Path, PathBuf};

use super::frames::Frame;

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/frames")
}

/// Every file's name with its frames.
pub(crate) fn read() -> Vec<(String, Vec<Frame>)> {
    let mut files: Vec<_> = fs::read_dir(folder())
        .expect("the corpus is there")
        .map(|entry| entry.expect("its files have names").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "frames"))
        .collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    files
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a text file");
            (
                name(path),
                parse(&text).unwrap_or_else(|line| panic!("{}: {line}", name(path))),
            )
        })
        .collect()
}

fn parse(text: &str) -> Result<Vec<Frame>, &str> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (kind, digits) = line.split_once(' ').unwrap_or((line, ""));
            let bytes = bytes(digits).ok_or(line)?;
            match kind {
                "binary" => Ok(Frame::Binary(bytes)),
                "text" => String::from_utf8(bytes).map(Frame::Text).map_err(|_| line),
                _ => Err(line),
            }
        })
        .collect()
}

/// Bytes from pairs of hexadecimal digits, with blanks between them or not.
pub(crate) fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<_> = digits.chars().filter(|digit| !digit.is_whitespace()).collect();
    if digits.len() % 2 != 0 {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok())
        .collect()
}

/// Keeps frames that found something; where.
pub(crate) fn write(name: &str, words: &str, frames: &[Frame]) -> PathBuf {
    let mut text = String::new();
    for line in words.lines() {
        text.push_str(&format!("# {line}\n"));
    }
    for frame in frames {
        let kind = match frame {
            Frame::Text(_) => "text",
            Frame::Binary(_) => "binary",
        };
        let digits: String = frame.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&format!("{kind} {digits}\n"));
    }
    let path = folder().join(format!("{name}.frames"));
    fs::write(&path, text).expect("the corpus can be written");
    path
}
