//! Names in order, in bounded memory.

/// Bytes that the names of one walk take at most.
const BUDGET: usize = 32 << 20;
/// Bytes that a name takes beside its letters.
const BESIDE: usize = size_of::<String>() + 16;

/// The names that `walk` finds, in ascending order, each once; `walk` starts a new walk over all
/// names.
///
/// Each walk keeps the names that come next and fit into 16 to 32 MiB, so there are as many walks as
/// the names have times that. That a name is greater than the last one is also what tells a variable
/// that was deleted and made again meanwhile from a second one.
pub fn ascending<W, I, E>(walk: W) -> Ascending<W>
where
    W: FnMut() -> I,
    I: Iterator<Item = Result<String, E>>,
{
    Ascending { walk, budget: BUDGET, next: Vec::new(), last: None, is_over: false }
}

/// See [`ascending`].
pub struct Ascending<W> {
    walk: W,
    budget: usize,
    /// The next names, in descending order.
    next: Vec<String>,
    /// The greatest name that a walk has kept.
    last: Option<String>,
    is_over: bool,
}

impl<W, I, E> Ascending<W>
where
    W: FnMut() -> I,
    I: Iterator<Item = Result<String, E>>,
{
    /// Walks once, and keeps the least of the names behind the last.
    fn refill(&mut self) -> Result<(), E> {
        let mut least = Vec::new();
        let mut bytes = 0;
        // Once names were left out, those that are kept end with this one.
        let mut most: Option<String> = None;
        for name in (self.walk)() {
            let name = name?;
            let is_behind = self.last.as_ref().is_none_or(|last| name > *last);
            if !is_behind || most.as_ref().is_some_and(|most| name > *most) {
                continue;
            }
            bytes += name.len() + BESIDE;
            least.push(name);
            // Not at every name: sorting is worth it when half of them are left out.
            if bytes > self.budget && least.len() > 1 {
                bytes = keep_least(&mut least, self.budget / 2);
                most = least.last().cloned();
            }
        }
        keep_least(&mut least, usize::MAX);
        self.is_over = most.is_none();
        self.last = least.last().cloned().or(self.last.take());
        least.reverse();
        self.next = least;
        Ok(())
    }
}

/// Sorts names, removes those that are there twice and, but for the first, those beyond `budget`
/// bytes; returns the bytes that the others take.
fn keep_least(names: &mut Vec<String>, budget: usize) -> usize {
    names.sort_unstable();
    names.dedup();
    let mut bytes = 0;
    let mut count = 0;
    for name in &*names {
        let with = bytes + name.len() + BESIDE;
        if with > budget && count > 0 {
            break;
        }
        bytes = with;
        count += 1;
    }
    names.truncate(count);
    bytes
}

impl<W, I, E> Iterator for Ascending<W>
where
    W: FnMut() -> I,
    I: Iterator<Item = Result<String, E>>,
{
    type Item = Result<String, E>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next.is_empty()
            && !self.is_over
            && let Err(error) = self.refill()
        {
            self.is_over = true;
            return Some(Err(error));
        }
        self.next.pop().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(names: &[String], budget: usize) -> Vec<String> {
        let walk = || names.iter().cloned().map(Ok::<_, ()>);
        let ordered = Ascending { budget, ..ascending(walk) };
        ordered.collect::<Result<_, _>>().expect("names")
    }

    #[test]
    fn whatever_the_budget_all_names_come_in_order_and_once() {
        let mut names: Vec<_> =
            (0..1000).map(|number| format!("{:03}", number * 7 % 1000)).collect();
        // Made again at another place during the walk.
        names.extend(["500".to_owned(), "001".to_owned()]);
        let sorted: Vec<_> = (0..1000).map(|number| format!("{number:03}")).collect();
        for budget in [0, 1, 100, 1000, 10_000, 44_000, 1 << 20] {
            assert_eq!(ordered(&names, budget), sorted, "{budget}");
        }
        assert_eq!(ordered(&[], 0), [""; 0]);
        assert_eq!(ordered(&[String::new()], 0), [""]);
    }

    #[test]
    fn an_error_ends_the_walk() {
        let walk = || [Ok("a".to_owned()), Err("torn"), Ok("b".to_owned())].into_iter();
        assert_eq!(ascending(walk).collect::<Vec<_>>(), [Err("torn")]);
    }
}
