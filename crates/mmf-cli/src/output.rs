//! What the command prints: lines, tables and JSON to the standard output, errors to the other.

use std::fmt;
use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;

use crate::failure::Failure;
use crate::format::one_line;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people and shell scripts.
    Plain,
    /// One JSON document.
    Json,
}

/// The standard output.
pub struct Output {
    writer: BufWriter<Stdout>,
    form: Form,
}

impl Output {
    /// The standard output, in the given form.
    pub fn new(form: Form) -> Self {
        Self { writer: BufWriter::with_capacity(1 << 16, io::stdout()), form }
    }

    /// Whether JSON is wanted.
    pub fn is_json(&self) -> bool {
        self.form == Form::Json
    }

    /// Where bytes are written as they are.
    pub fn writer(&mut self) -> &mut dyn Write {
        &mut self.writer
    }

    /// Prints one line.
    pub fn line(&mut self, line: impl fmt::Display) -> Result<(), Failure> {
        Ok(writeln!(self.writer, "{line}")?)
    }

    /// Prints a JSON document and ends its line.
    pub fn json(&mut self, document: &impl Serialize) -> Result<(), Failure> {
        self.json_part(document)?;
        Ok(self.writer.write_all(b"\n")?)
    }

    /// Prints a part of a JSON document.
    pub fn json_part(&mut self, part: &impl Serialize) -> Result<(), Failure> {
        Ok(serde_json::to_writer(&mut self.writer, part)?)
    }

    /// Prints a JSON list, without holding it in memory; the line is left open.
    pub fn json_list<T: Serialize>(
        &mut self,
        items: impl IntoIterator<Item = Result<T, Failure>>,
    ) -> Result<(), Failure> {
        let mut separator = "[";
        for item in items {
            self.writer.write_all(separator.as_bytes())?;
            self.json_part(&item?)?;
            separator = ",";
        }
        let end = if separator == "[" { "[]" } else { "]" };
        Ok(self.writer.write_all(end.as_bytes())?)
    }

    /// Hands everything over to whoever reads.
    pub fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.writer.flush()?)
    }
}

/// Prints a remark or an error as one line to the standard error.
pub fn complain(message: &str) {
    // Nobody is left to be told when that fails.
    let _ = writeln!(io::stderr(), "mmf: {}", one_line(message));
}

/// On which side of a column its cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under headings, each column as wide as its widest cell.
pub struct Table<const COLUMNS: usize> {
    sides: [Side; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with headings alone.
    pub fn new(columns: [(&str, Side); COLUMNS]) -> Self {
        Self {
            sides: columns.map(|(_, side)| side),
            rows: vec![columns.map(|(heading, _)| heading.to_owned())],
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.map(|cell| one_line(&cell)));
    }

    /// Prints the table.
    pub fn print(&self, output: &mut Output) -> Result<(), Failure> {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), side) in row.iter().zip(widths).zip(self.sides) {
                let separator = if line.is_empty() { "" } else { "  " };
                line += &match side {
                    Side::Left => format!("{separator}{cell:<width$}"),
                    Side::Right => format!("{separator}{cell:>width$}"),
                };
            }
            output.line(line.trim_end())?;
        }
        Ok(())
    }
}
