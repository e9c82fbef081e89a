//! Every ordering above relaxed in the library has its row in the table of `docs/orderings.md`.
//!
//! The rows of one call in one function stand in the order of the source. `cargo xtask mutate`
//! weakens each of them and runs the model that the row names.

use crate::finding::{self, Finding};
use crate::rust_source::{RustSource, is_word_byte};
use crate::workspace::{TextFile, Workspace};

const SOURCES: &str = "crates/mmf/src";
/// The document with the table.
pub const DOCUMENT: &str = "docs/orderings.md";
const TABLE: &str = "<!-- table: orderings -->";

/// The seam itself: its fences are counted where they are called.
const SEAM: &str = "sync/";
/// The memory and the kernel of the models.
const MODEL_SEGMENT: &str = "segment/model.rs";
const STRONG: [&str; 4] = ["Acquire", "Release", "AcqRel", "SeqCst"];
/// Calls of the seam that order without an ordering in sight.
const BARRIERS: [(&str, &str); 2] =
    [("barrier_after_read_modify_write", "SeqCst"), ("keep_program_order", "compiler")];

/// One ordering above relaxed in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// File, from the library's sources.
    pub file: String,
    /// The function around it.
    pub function: String,
    /// The call, its ordering, and whether that is the one of an exchange that fails.
    pub call: String,
    ordering: &'static str,
    /// 1 for the ordering of an exchange that fails.
    pub argument: usize,
    /// Line of the call's name, from 1.
    pub line: usize,
    /// Column of the call's name, from 1.
    pub column: usize,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// As in [`Site`].
    pub file: String,
    /// As in [`Site`].
    pub function: String,
    /// As in [`Site`].
    pub call: String,
    /// What the ordering becomes.
    pub weakened: String,
    /// What shows that it is needed.
    pub shown_by: ShownBy,
    line: usize,
}

/// What shows that an ordering is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownBy {
    /// The unit test of this name fails without it.
    Model(String),
    /// A section of the document argues.
    Proof,
}

impl Row {
    /// The model that has to fail, if there is one.
    pub fn model(&self) -> Option<&str> {
        match &self.shown_by {
            ShownBy::Model(name) => Some(name),
            ShownBy::Proof => None,
        }
    }
}

/// A row with the place in the source that it speaks of.
pub struct Mutation {
    /// The row.
    pub row: Row,
    /// The place.
    pub site: Site,
}

/// Compares the table of `workspace` with its source.
pub fn check(workspace: &Workspace) -> Result<(), String> {
    let (rows, sites) = read(workspace)?;
    let mut findings = Vec::new();
    let count = rows.len();
    pair(rows, sites, &mut findings);
    finding::report(&findings, count, "rows of orderings")
}

/// The rows of the table, each with its place; an error when table and source do not agree.
pub fn mutations(workspace: &Workspace) -> Result<Vec<Mutation>, String> {
    let (rows, sites) = read(workspace)?;
    let mut findings = Vec::new();
    let mutations = pair(rows, sites, &mut findings);
    finding::report(&findings, mutations.len(), "rows of orderings").map(|()| mutations)
}

fn read(workspace: &Workspace) -> Result<(Vec<Row>, Vec<Site>), String> {
    let path = workspace.root().join(DOCUMENT);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    let files = workspace.files(SOURCES, "rs").map_err(|error| error.to_string())?;
    Ok((rows_of(&text)?, files.iter().flat_map(sites_of).collect()))
}

/// What the ordering of a call can be weakened to: each half of it once.
fn weakenings(site: &Site) -> &'static [&'static str] {
    let is_fence = site.call.starts_with("fence");
    match site.ordering {
        "Acquire" | "Release" if is_fence => &["none"],
        "Acquire" | "Release" => &["Relaxed"],
        "AcqRel" => &["Acquire", "Release"],
        "SeqCst" => &["AcqRel"],
        _ => &["none"],
    }
}

fn pair(mut rows: Vec<Row>, sites: Vec<Site>, findings: &mut Vec<Finding>) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for site in sites {
        for weakened in weakenings(&site) {
            let is_it = |row: &Row| {
                row.file == site.file
                    && row.function == site.function
                    && row.call == site.call
                    && row.weakened == *weakened
            };
            match rows.iter().position(is_it) {
                Some(index) => {
                    mutations.push(Mutation { row: rows.remove(index), site: site.clone() });
                }
                None => {
                    let path = format!("{SOURCES}/{}", site.file);
                    let message = format!(
                        "{DOCUMENT} has no row `| {} | {} | {} | {weakened} |`",
                        site.file, site.function, site.call
                    );
                    findings.push(Finding::new(&path, site.line, message));
                }
            }
        }
    }
    for row in rows {
        let message = format!("no `{}` in `{}` of {} any more", row.call, row.function, row.file);
        findings.push(Finding::new(DOCUMENT, row.line, message));
    }
    mutations
}

fn rows_of(text: &str) -> Result<Vec<Row>, String> {
    let lines = text.lines().enumerate().skip_while(|(_, line)| *line != TABLE);
    let table = lines.skip(1).skip_while(|(_, line)| line.is_empty());
    let rows = table.take_while(|(_, line)| line.starts_with('|')).skip(2);
    let rows: Vec<Row> = rows
        .map(|(index, line)| {
            row_of(line, index + 1).ok_or_else(|| {
                format!("{DOCUMENT}:{}: not a row of six cells with a model or a proof", index + 1)
            })
        })
        .collect::<Result<_, _>>()?;
    if rows.is_empty() { Err(format!("{DOCUMENT} has no rows below `{TABLE}`")) } else { Ok(rows) }
}

fn row_of(line: &str, number: usize) -> Option<Row> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [file, function, call, weakened, shown_by, _] = cells[..] else { return None };
    let model = shown_by.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    let shown_by = match model {
        Some(name) if name.starts_with("loom_") => ShownBy::Model(name.to_owned()),
        None if shown_by.starts_with("[proof](#") => ShownBy::Proof,
        _ => return None,
    };
    let owned = |cell: &str| cell.to_owned();
    Some(Row {
        file: owned(file),
        function: owned(function),
        call: owned(call),
        weakened: owned(weakened),
        shown_by,
        line: number,
    })
}

/// The orderings above relaxed of one file, in its order.
fn sites_of(file: &TextFile) -> Vec<Site> {
    let inside = file.path.strip_prefix(SOURCES).unwrap_or(&file.path).trim_start_matches('/');
    let is_model = inside.ends_with("models.rs") || inside == MODEL_SEGMENT;
    if is_model || inside.starts_with(SEAM) {
        return Vec::new();
    }
    let code = RustSource::new(&file.path, &file.text).code_without_tests;
    let mut sites = Vec::new();
    for (start, word) in words_of(&code) {
        let is_known = STRONG.contains(&word) || BARRIERS.iter().any(|(name, _)| *name == word);
        if !is_known || statement_before(&code, start).trim_start().starts_with("use ") {
            continue;
        }
        if let Some(ordering) = STRONG.iter().find(|strong| **strong == word) {
            sites.extend(site_of(inside, &code, start, ordering));
        } else if let Some((name, ordering)) = BARRIERS.iter().find(|(name, _)| *name == word) {
            sites.push(site_at(inside, &code, start, (name, ordering, 0)));
        }
    }
    sites
}

/// Words of the code with their places.
fn words_of(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_inside = |character: char| !character.is_ascii() || is_word_byte(character as u8);
    code.split(move |character: char| !is_inside(character))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - code.as_ptr() as usize, word))
}

fn statement_before(code: &str, position: usize) -> &str {
    let start = code[..position].rfind(';').map_or(0, |end| end + 1);
    &code[start..position]
}

/// The call around the ordering at `position`.
fn site_of(file: &str, code: &str, position: usize, ordering: &'static str) -> Option<Site> {
    let mut depth = 0;
    let mut commas = 0;
    let open = code[..position].bytes().rposition(|byte| {
        match byte {
            b')' | b'}' | b']' => depth += 1,
            b'(' | b'{' | b'[' => depth -= 1,
            b',' if depth == 0 => commas += 1,
            _ => {}
        }
        depth < 0
    })?;
    let name = code[..open].bytes().rposition(|byte| !is_word_byte(byte)).map_or(0, |at| at + 1);
    let argument = usize::from(&code[name..open] == "compare_exchange" && commas == 3);
    Some(site_at(file, code, name, (&code[name..open], ordering, argument)))
}

fn site_at(
    file: &str,
    code: &str,
    position: usize,
    (name, ordering, argument): (&str, &'static str, usize),
) -> Site {
    let before = &code[..position];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let failure = if argument == 1 { " failing" } else { "" };
    let is_barrier = BARRIERS.iter().any(|(barrier, _)| *barrier == name);
    Site {
        file: file.to_owned(),
        function: function_around(before),
        call: if is_barrier { name.to_owned() } else { format!("{name}{failure} {ordering}") },
        ordering,
        argument,
        line: before.matches('\n').count() + 1,
        column: position - line_start + 1,
    }
}

/// The last function that begins before the end of `before`.
fn function_around(before: &str) -> String {
    let begins =
        |(at, _): &(usize, &str)| !before[..*at].bytes().next_back().is_some_and(is_word_byte);
    let Some((at, keyword)) = before.rmatch_indices("fn ").find(begins) else {
        return String::new();
    };
    let name = &before[at + keyword.len()..];
    let end = name.bytes().position(|byte| !is_word_byte(byte)).unwrap_or(name.len());
    name[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
use a::{Ordering::Acquire, fence};
impl A {
    fn one(&self) {
        self.word.load(Ordering::Acquire); // Release
        fence(Ordering::SeqCst);
    }
}
fn two(word: &AtomicU64) {
    word.compare_exchange(
        f(1, 2),
        3,
        Ordering::AcqRel,
        Ordering::Acquire,
    );
    barrier_after_read_modify_write();
    word.load(Ordering::Relaxed);
}
";

    fn sites(text: &str) -> Vec<Site> {
        let path = format!("{SOURCES}/heap/a.rs");
        sites_of(&TextFile { path, text: text.to_owned() })
    }

    fn document(rows: &[&str]) -> String {
        let head =
            "| file | function | call | weakened | shown by | orders |\n|---|---|---|---|---|---|";
        format!("# Title\n\n{TABLE}\n\n{head}\n{}\n\nText\n", rows.join("\n"))
    }

    const ROWS: [&str; 6] = [
        "| heap/a.rs | one | load Acquire | Relaxed | `loom_a` | b |",
        "| heap/a.rs | one | fence SeqCst | AcqRel | `loom_a` | b |",
        "| heap/a.rs | two | compare_exchange AcqRel | Acquire | `loom_a` | b |",
        "| heap/a.rs | two | compare_exchange AcqRel | Release | [proof](#b) | b |",
        "| heap/a.rs | two | compare_exchange failing Acquire | Relaxed | `loom_a` | b |",
        "| heap/a.rs | two | barrier_after_read_modify_write | AcqRel | `loom_a` | b |",
    ];

    #[test]
    fn orderings_are_found_with_the_place_of_their_call() {
        let found: Vec<_> = sites(SOURCE)
            .iter()
            .map(|site| (site.call.clone(), site.function.clone(), site.line, site.column))
            .collect();
        let expected = [
            ("load Acquire", "one", 4, 19),
            ("fence SeqCst", "one", 5, 9),
            ("compare_exchange AcqRel", "two", 9, 10),
            ("compare_exchange failing Acquire", "two", 9, 10),
            ("barrier_after_read_modify_write", "two", 15, 5),
        ];
        let expected = expected.map(|(call, function, line, column)| {
            (call.to_owned(), function.to_owned(), line, column)
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_table_that_agrees_has_no_findings() {
        let rows = rows_of(&document(&ROWS)).unwrap();
        let mut findings = Vec::new();
        assert_eq!(pair(rows, sites(SOURCE), &mut findings).len(), 6);
        assert!(findings.is_empty(), "{findings:?}");
    }

    #[test]
    fn a_new_ordering_and_one_that_is_gone_are_findings() {
        for missing in 0..ROWS.len() {
            let mut rows = rows_of(&document(&ROWS)).unwrap();
            rows.remove(missing);
            let mut findings = Vec::new();
            pair(rows, sites(SOURCE), &mut findings);
            assert_eq!(findings.len(), 1, "{missing}");
        }
        let mut findings = Vec::new();
        let rows = rows_of(&document(&ROWS)).unwrap();
        pair(rows, sites(&SOURCE.replace("load(Ordering::Acquire)", "load(b)")), &mut findings);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].path, DOCUMENT);
    }

    #[test]
    fn a_row_names_a_model_or_a_proof() {
        for cell in ["", "loom_a", "`step set`", "proof"] {
            let row = format!("| heap/a.rs | one | load Acquire | Relaxed | {cell} | b |");
            assert!(rows_of(&document(&[&row])).is_err(), "{cell}");
        }
        assert!(rows_of("# Title\n").is_err());
    }
}
