//! Tells the code of a Rust file from its comments, its literals and its test modules.
//!
//! The checks look for words, and a word in a comment, a string or a test means something else
//! than in the code. A full parser would be a large dependency for that.

/// A Rust file taken apart. The parts have the length and the line breaks of the file, with
/// blanks for what belongs elsewhere, so that a line number means the same in each.
pub struct RustSource {
    /// Code without comments and without the content of literals.
    pub code: String,
    /// Comments, with those of the documentation.
    pub comments: String,
    /// `code` without what is compiled for tests only.
    pub code_without_tests: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl RustSource {
    /// Takes the file `path` with the content `text` apart.
    pub fn new(path: &str, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut code = blanks(bytes);
        let mut comments = blanks(bytes);
        let mut position = 0;
        while position < bytes.len() {
            let (kind, end) = piece_at(bytes, position);
            match kind {
                Kind::Code => code[position..end].copy_from_slice(&bytes[position..end]),
                Kind::Comment => comments[position..end].copy_from_slice(&bytes[position..end]),
                Kind::Literal => {}
            }
            position = end;
        }
        let code = String::from_utf8_lossy(&code).into_owned();
        let comments = String::from_utf8_lossy(&comments).into_owned();
        let code_without_tests =
            if is_test_file(path, &code) { String::new() } else { blank_test_modules(&code) };
        Self { code, comments, code_without_tests }
    }
}

/// The lines, from 1, on which `pattern` stands in `text` and is not a part of a longer word.
pub fn lines_with(text: &str, pattern: &str) -> Vec<usize> {
    let starts_as_word = pattern.bytes().next().is_some_and(is_word_byte);
    let ends_as_word = pattern.bytes().next_back().is_some_and(is_word_byte);
    let stands_alone = |line: &str, start: usize| {
        let before = line.as_bytes()[..start].last();
        let after = line.as_bytes().get(start + pattern.len());
        !(starts_as_word && before.is_some_and(|byte| is_word_byte(*byte))
            || ends_as_word && after.is_some_and(|byte| is_word_byte(*byte)))
    };
    let has_pattern =
        |line: &str| line.match_indices(pattern).any(|(start, _)| stands_alone(line, start));
    let numbered = text.lines().enumerate();
    numbered.filter(|(_, line)| has_pattern(line)).map(|(index, _)| index + 1).collect()
}

/// Whether a byte may be part of an identifier; those of other alphabets are taken as such.
pub fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn blanks(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }).collect()
}

/// What starts at `position`, and where it ends. The end is always after `position`.
fn piece_at(bytes: &[u8], position: usize) -> (Kind, usize) {
    let rest = &bytes[position..];
    let inside_word = position > 0 && is_word_byte(bytes[position - 1]);
    if rest.starts_with(b"//") {
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        (Kind::Comment, position + length)
    } else if rest.starts_with(b"/*") {
        (Kind::Comment, position + block_comment_length(rest))
    } else if rest[0] == b'"' {
        (Kind::Literal, position + quoted_length(rest, b'"'))
    } else if rest[0] == b'\'' && is_character_literal(rest) {
        (Kind::Literal, position + quoted_length(rest, b'\''))
    } else if let Some(length) = raw_string_length(rest).filter(|_| !inside_word) {
        (Kind::Literal, position + length)
    } else {
        (Kind::Code, position + 1)
    }
}

/// Block comments nest.
fn block_comment_length(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut length = 0;
    while length < rest.len() {
        if rest[length..].starts_with(b"/*") {
            depth += 1;
            length += 2;
        } else if rest[length..].starts_with(b"*/") {
            depth -= 1;
            length += 2;
        } else {
            length += 1;
        }
        if depth == 0 {
            break;
        }
    }
    length
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut length = 1;
    while length < rest.len() && rest[length] != quote {
        length += if rest[length] == b'\\' { 2 } else { 1 };
    }
    (length + 1).min(rest.len())
}

/// Tells `'a'` from the lifetime `'a`: one character, or an escape, and a quote after it.
fn is_character_literal(rest: &[u8]) -> bool {
    let Some(first) = rest.get(1) else { return false };
    if *first == b'\\' {
        return true;
    }
    let continuation = |byte: &&u8| (**byte & 0b1100_0000) == 0b1000_0000;
    let width = 1 + rest[2..].iter().take_while(continuation).count();
    rest.get(1 + width) == Some(&b'\'')
}

/// The length of a raw string (`r"…"`, `br#"…"#`, `cr"…"`), if one starts here.
fn raw_string_length(rest: &[u8]) -> Option<usize> {
    let prefix = [&b"r"[..], b"br", b"cr"].into_iter().find(|prefix| rest.starts_with(prefix))?;
    let after = &rest[prefix.len()..];
    let hashes = after.iter().take_while(|byte| **byte == b'#').count();
    if after.get(hashes) != Some(&b'"') {
        return None;
    }
    let body = prefix.len() + hashes + 1;
    let mut closing = vec![b'"'];
    closing.resize(1 + hashes, b'#');
    let found = rest[body..].windows(closing.len()).position(|window| window == closing);
    Some(found.map_or(rest.len(), |start| body + start + closing.len()))
}

/// Files of tests by their name (`tests.rs`, `*_tests.rs`, a directory `tests`) or because they
/// begin with `#![cfg(test)]`.
fn is_test_file(path: &str, code: &str) -> bool {
    let by_name = path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
        || path.split('/').any(|part| part == "tests");
    by_name || code.lines().any(|line| is_test_attribute(line, "#!["))
}

/// Whether `line` is `cfg(test)` or `cfg(all(…, test, …))`; anything with `not` or `any` may be
/// compiled for users too, and counts as ordinary code.
fn is_test_attribute(line: &str, opening: &str) -> bool {
    let Some(condition) = line.strip_prefix(opening).and_then(|rest| rest.strip_prefix("cfg("))
    else {
        return false;
    };
    let has = |word: &str| !lines_with(condition, word).is_empty();
    has("test") && !has("not") && !has("any")
}

/// Blanks every module that stands under `#[cfg(test)]`, both at column 0, up to its closing
/// brace, which rustfmt puts at column 0 too.
fn blank_test_modules(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut under_test_attribute = false;
    let mut in_test_module = false;
    for line in code.lines() {
        let is_module = line.starts_with("mod ") || line.starts_with("pub(crate) mod ");
        if in_test_module {
            in_test_module = line.trim_end() != "}";
        } else {
            in_test_module = under_test_attribute && is_module && line.trim_end().ends_with('{');
            if !in_test_module {
                kept.push_str(line);
            }
            under_test_attribute = is_test_attribute(line, "#[")
                || under_test_attribute && (line.starts_with("#[") || line.trim().is_empty());
        }
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_apart(text: &str) -> RustSource {
        RustSource::new("crates/mmf/src/heap.rs", text)
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        let text = concat!(
            "let a = \"word \\\" word\"; // word\n",
            "let b = r#\"word \" word\"#; /* word /* word */ word */\n",
            "let c = ('\\'', '\"', 'é', b'\"'); fn d<'word>(e: &'word str) {}\n",
            "let r#word = \"two\n lines\"; word();\n",
        );
        let source = take_apart(text);
        assert_eq!(lines_with(&source.code, "word"), [3, 4, 5]);
        assert_eq!(lines_with(&source.comments, "word"), [1, 2]);
        assert_eq!(source.code.len(), text.len());
        assert_eq!(source.code.lines().count(), text.lines().count());
    }

    #[test]
    fn unfinished_pieces_end_with_the_file() {
        for text in ["/* a", "\"a", "\"a\\", "r#\"a\"", "'", "'\\", "/", "// a", "br"] {
            assert_eq!(take_apart(text).code.len(), text.len(), "{text}");
        }
    }

    #[test]
    fn a_word_is_found_whole_only() {
        assert!(lines_with("unsafe_code an_unsafe", "unsafe").is_empty());
        assert_eq!(lines_with("a\nx; unsafe {", "unsafe"), [2]);
        assert_eq!(lines_with("mytodo!() todo!()", "todo!"), [1]);
        assert!(lines_with("mytodo!()", "todo!").is_empty());
    }

    #[test]
    fn test_modules_end_at_their_brace() {
        let text = "one\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    two\n}\nthree\n";
        let source = take_apart(text);
        assert!(lines_with(&source.code_without_tests, "two").is_empty());
        assert_eq!(lines_with(&source.code_without_tests, "three"), [7]);
        let models = take_apart("#[cfg(all(loom, test))]\nmod models {\n    two\n}\n");
        assert!(lines_with(&models.code_without_tests, "two").is_empty());
    }

    #[test]
    fn only_what_is_compiled_for_tests_alone_is_exempt() {
        for attribute in ["#[cfg(not(test))]", "#[cfg(any(test, loom))]", "#[cfg(loom)]"] {
            let source = take_apart(&format!("{attribute}\nmod tests {{\n    two\n}}\n"));
            assert_eq!(lines_with(&source.code_without_tests, "two"), [3], "{attribute}");
        }
        let outside = take_apart("#[cfg(test)]\nmod tests;\nuse two;\n");
        assert_eq!(lines_with(&outside.code_without_tests, "two"), [3]);
    }

    #[test]
    fn files_of_tests_are_exempt() {
        for path in ["a/src/heap/tests.rs", "a/src/heap_tests.rs", "a/tests/kill.rs"] {
            assert_eq!(RustSource::new(path, "word\n").code_without_tests, "", "{path}");
        }
        assert_eq!(take_apart("//! Models.\n#![cfg(test)]\nword\n").code_without_tests, "");
        let near = RustSource::new("a/src/latests.rs", "word\n");
        assert_eq!(near.code_without_tests, "word\n");
    }
}
