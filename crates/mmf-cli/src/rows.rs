//! Variables as rows: what is known of each of them.

use mmf::{Metadata, Namespace};
use serde::Serialize;

use crate::failure::Failure;
use crate::format::timestamp;

/// Most names that are sorted; beyond that they are printed as they are found.
const MOST_SORTED: usize = 65_536;

/// What is known of a variable beside its value.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Type of its value.
    #[serde(rename = "type")]
    pub type_name: &'static str,
    /// Bytes of its value.
    pub size: u64,
    /// Its version.
    pub version: u64,
    /// When it was set.
    pub time: String,
    /// The process that set it.
    pub pid: u32,
    /// The program that set it.
    pub program: String,
}

impl Row {
    fn new(name: String, metadata: Metadata) -> Self {
        Self {
            name,
            type_name: metadata.value_type.name(),
            size: metadata.size,
            version: metadata.version,
            time: timestamp(metadata.set_at),
            pid: metadata.process,
            program: metadata.program,
        }
    }
}

/// The names that begin with `prefix`: sorted, unless they are very many.
pub fn names(
    namespace: &Namespace,
    prefix: &str,
) -> Result<impl Iterator<Item = Result<String, Failure>>, Failure> {
    let mut rest = namespace.list(prefix);
    let mut first = rest.by_ref().take(MOST_SORTED + 1).collect::<mmf::Result<Vec<_>>>()?;
    if first.len() <= MOST_SORTED {
        first.sort_unstable();
    }
    Ok(first.into_iter().map(Ok).chain(rest.map(|name| name.map_err(Failure::from))))
}

/// A row for every variable whose name begins with `prefix`, in the order of [`names`].
pub fn rows(
    namespace: &Namespace,
    prefix: &str,
) -> Result<impl Iterator<Item = Result<Row, Failure>>, Failure> {
    let look = |name: Result<String, Failure>| {
        let name = name?;
        // A variable may go between its name and its row.
        let metadata = namespace.metadata(&name)?;
        Ok(metadata.map(|metadata| Row::new(name, metadata)))
    };
    Ok(names(namespace, prefix)?.map(look).filter_map(Result::transpose))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(namespace: &Namespace, prefix: &str) -> Vec<String> {
        let names = names(namespace, prefix).expect("names");
        names.collect::<Result<_, _>>().expect("names")
    }

    #[test]
    fn names_are_sorted_up_to_a_limit_and_complete_beyond_it() {
        let namespace = Namespace::in_memory(64 << 20).expect("memory");
        for number in 0..MOST_SORTED {
            namespace.set(&format!("{number:06}"), &()).expect("room");
        }
        let sorted: Vec<_> = (0..MOST_SORTED).map(|number| format!("{number:06}")).collect();
        assert_eq!(listed(&namespace, ""), sorted);
        assert_eq!(listed(&namespace, "00001").len(), 10);

        namespace.set("one more", &()).expect("room");
        let mut all = listed(&namespace, "");
        all.sort_unstable();
        assert_eq!(all.len(), MOST_SORTED + 1);
        assert_eq!(all[..MOST_SORTED], sorted);
        assert_eq!(rows(&namespace, "one").expect("rows").count(), 1);
    }
}
