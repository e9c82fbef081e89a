//! Names of namespaces, and why some are refused.

use crate::error::{Error, ErrorKind, Result};

/// Most bytes of a namespace's name.
const LONGEST: usize = 255;

/// Who a namespace is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The user: plain names and `Local\`.
    User,
    /// Everybody on the machine: `Global\`.
    Machine,
}

/// A checked name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamespaceName {
    pub(crate) scope: Scope,
    /// The name without its prefix: also the name of a file.
    pub(crate) plain: String,
}

impl NamespaceName {
    /// Checks a name as its user gave it.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        if name.len() > LONGEST {
            return Err(refuse(format!("a name of {} bytes is longer than {LONGEST}", name.len())));
        }
        let (scope, plain) = match name.split_once('\\') {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("Local") => (Scope::User, rest),
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("Global") => (Scope::Machine, rest),
            _ => (Scope::User, name),
        };
        if plain.is_empty() {
            return Err(refuse("the name is empty".to_owned()));
        }
        if plain.starts_with('.') {
            return Err(refuse(format!("{plain:?} begins with a dot")));
        }
        let forbidden = |letter: char| matches!(letter, '/' | '\\') || letter.is_control();
        if let Some(letter) = plain.chars().find(|letter| forbidden(*letter)) {
            return Err(refuse(format!("{plain:?} contains {letter:?}")));
        }
        Ok(Self { scope, plain: plain.to_owned() })
    }
}

fn refuse(reason: String) -> Error {
    Error::new(ErrorKind::InvalidName, reason).advise(
        "names have 1 to 255 bytes, no slash, backslash or control character, no leading dot; \
         Local\\ or Global\\ may stand in front",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_choose_the_scope() {
        let scope = |name| NamespaceName::parse(name).map(|name| name.scope).ok();
        assert_eq!(scope("shop"), Some(Scope::User));
        assert_eq!(scope("Local\\shop"), Some(Scope::User));
        assert_eq!(scope("GLOBAL\\shop"), Some(Scope::Machine));
        assert_eq!(NamespaceName::parse("Local\\shop").unwrap().plain, "shop");
    }

    #[test]
    fn names_that_could_leave_the_directory_are_refused() {
        let long = "x".repeat(256);
        for name in
            ["", ".", "..", "../x", "a/b", "Local\\", "a\\b", "Global\\..", "a\0b", "a\nb", &long]
        {
            let error = NamespaceName::parse(name).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::InvalidName, "{name:?}");
        }
        assert!(NamespaceName::parse(&"x".repeat(255)).is_ok());
    }
}
