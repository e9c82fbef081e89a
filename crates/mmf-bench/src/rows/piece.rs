//! Which rows there are, and who measures them.

use super::{attach, counter, growth, hot, large, memory, open, random, round_trip, shared};
use crate::Result;
use crate::report::Row;
use crate::session::{Level, Session};

/// Rows that are measured together.
pub struct Piece {
    /// The names of its rows.
    pub names: fn(Level) -> Vec<String>,
    /// Measures all of them.
    pub measure: fn(&Session) -> Result<Vec<Row>>,
}

/// Every piece, in the order of the table.
pub const PIECES: [Piece; 10] = [
    hot::PIECE,
    random::PIECE,
    shared::PIECE,
    large::PIECE,
    round_trip::PIECE,
    counter::PIECE,
    attach::PIECE,
    memory::PIECE,
    open::PIECE,
    growth::PIECE,
];

/// Measures the rows that are wanted and gives each to `take` as soon as it is there.
///
/// # Errors
///
/// The first error of a row: a wrong value as well as one that could not be measured.
pub fn measure(
    session: &Session,
    wanted: &dyn Fn(&str) -> bool,
    mut take: impl FnMut(Row),
) -> Result<()> {
    for piece in &PIECES {
        if (piece.names)(session.level).iter().any(|name| wanted(name)) {
            let rows = (piece.measure)(session)?;
            rows.into_iter().filter(|row| wanted(&row.name)).for_each(&mut take);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_of_rows_are_told_apart() {
        for level in [Level::Full, Level::Quick, Level::Smoke] {
            let names: Vec<_> = PIECES.iter().flat_map(|piece| (piece.names)(level)).collect();
            let distinct: HashSet<_> = names.iter().collect();
            assert_eq!(distinct.len(), names.len(), "{names:?}");
        }
    }
}
