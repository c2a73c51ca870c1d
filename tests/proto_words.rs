//! What failures say: the JavaScript face has the words in a file of its own.

use tautline::proto::Failure;

const FAILURES_JS: &str = include_str!("../pkg-template/failures.js");

#[test]
fn failures_are_listed_by_their_number() {
    for (number, failure) in Failure::ALL.into_iter().enumerate() {
        assert_eq!(failure as usize, number, "{failure:?}");
    }
}

#[test]
fn both_faces_say_the_same() {
    let listed: Vec<&str> = FAILURES_JS.lines().filter(|line| line.starts_with("  [")).collect();
    let expected: Vec<String> = Failure::ALL
        .iter()
        .map(|failure| format!("  [{:?}, {:?}],", failure.code(), failure.message()))
        .collect();
    assert_eq!(listed, expected);
}
