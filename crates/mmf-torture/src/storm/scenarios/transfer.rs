//! Transfers between accounts under the namespace's lock, with kills aimed at its owners.
//!
//! A transfer writes down the new balances of both accounts, stores each, and deletes what it has
//! written. Whoever gets the lock from a dead owner finishes what is written down.
//!
//! Invariant: the total never changes. Something is written down only if the lock tells of a
//! death, for exclusive owners; with what is written down, the total is right for shared ones too.

use mmf::Namespace;

use crate::Result;
use crate::storm::ledger::{Kind, Ledger};
use crate::storm::locks::{NAMESPACE, Told, exclusively, sharing};
use crate::storm::owned::Owned;
use crate::storm::scenario::{Scenario, has_a_lock};
use crate::storm::worker::Worker;

const ACCOUNTS: usize = 8;
const TOTAL: i64 = 1000 * ACCOUNTS as i64;
/// What an owner of the lock is about to do.
const INTENT: &str = "what the owner of the lock is about to do";

/// The scenario.
pub(super) struct Transfer;

/// New balances of two accounts.
#[derive(Debug, Clone, Copy)]
struct Intent {
    accounts: [usize; 2],
    balances: [i64; 2],
}

impl Intent {
    fn to_text(self) -> String {
        let Self { accounts: [from, to], balances: [less, more] } = self;
        format!("{from} {to} {less} {more}")
    }

    fn from_text(text: &str) -> Option<Self> {
        let numbers: Vec<i64> =
            text.split(' ').map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let [from, to, less, more] = numbers[..] else { return None };
        let accounts = [usize::try_from(from).ok()?, usize::try_from(to).ok()?];
        let are_right = accounts.iter().all(|account| *account < ACCOUNTS);
        are_right.then_some(Self { accounts, balances: [less, more] })
    }
}

impl Scenario for Transfer {
    fn name(&self) -> &'static str {
        "transfer"
    }

    fn owned(&self) -> Owned {
        Owned { names: 4, longest: 2000 }
    }

    fn prepare(&self, namespace: &Namespace) -> Result<()> {
        for account in 0..ACCOUNTS {
            namespace.set(&name_of(account), &(TOTAL / ACCOUNTS as i64))?;
        }
        Ok(())
    }

    fn work(&self, worker: &mut Worker<'_>) -> Result<()> {
        worker.think();
        match worker.random.u8(0..8) {
            0..5 => exclusively(worker, NAMESPACE, transfer),
            5..7 => sharing(worker, NAMESPACE, audit),
            _ => {
                let variable = worker.random.usize(0..self.owned().names);
                self.owned().set(worker, variable).map(drop)
            }
        }
    }

    fn read(&self, reader: &mut Worker<'_>) -> Result<()> {
        let account = reader.random.usize(0..ACCOUNTS);
        let balance = balance(reader, account)?;
        if !(0..=TOTAL).contains(&balance) {
            return Err(format!("account {account} has {balance} of {TOTAL}").into());
        }
        reader.count_verified(1);
        let (row, variable) = reader.any_variable(self.owned().names);
        self.owned().verify(reader, row, variable)
    }

    fn target(&self) -> Option<fn(&Ledger, usize) -> bool> {
        Some(has_a_lock)
    }

    fn judge(&self, namespace: &Namespace) -> Result<()> {
        let balances: Vec<i64> = (0..ACCOUNTS)
            .map(|account| Ok(namespace.get(&name_of(account))?.ok_or("an account is gone")?))
            .collect::<Result<_>>()?;
        let text: Option<String> = namespace.get(INTENT)?;
        check_total(balances, text.as_deref())
    }
}

fn name_of(account: usize) -> String {
    format!("account {account}")
}

fn balance(worker: &mut Worker<'_>, account: usize) -> Result<i64> {
    let name = name_of(account);
    let balance = worker.perform(Kind::Get, |namespace| namespace.get(&name))?;
    Ok(balance.ok_or_else(|| format!("{name:?} is gone"))?)
}

fn store(worker: &mut Worker<'_>, intent: Intent) -> Result<()> {
    for (account, balance) in intent.accounts.into_iter().zip(intent.balances) {
        let name = name_of(account);
        worker.perform(Kind::Set, |namespace| namespace.set(&name, &balance))?;
    }
    if !worker.perform(Kind::Delete, |namespace| namespace.delete(INTENT))? {
        return Err("what was written down has gone before it was done".into());
    }
    Ok(())
}

fn written_down(worker: &mut Worker<'_>) -> Result<Option<String>> {
    Ok(worker.perform(Kind::Get, |namespace| namespace.get(INTENT))?)
}

fn all_balances(worker: &mut Worker<'_>) -> Result<Vec<i64>> {
    (0..ACCOUNTS).map(|account| balance(worker, account)).collect()
}

/// As the exclusive owner of the namespace.
fn transfer(worker: &mut Worker<'_>, told: Told) -> Result<()> {
    if let Some(text) = written_down(worker)? {
        if told == Told::Nothing {
            return Err(format!("{text:?} is written down, and nobody tells of a death").into());
        }
        let intent = Intent::from_text(&text).ok_or_else(|| format!("{text:?} is no intent"))?;
        store(worker, intent)?;
    }
    let balances = all_balances(worker)?;
    check_total(balances.clone(), None)?;
    worker.count_verified(ACCOUNTS as u64);
    let from = worker.random.usize(0..ACCOUNTS);
    let to = (from + worker.random.usize(1..ACCOUNTS)) % ACCOUNTS;
    let amount = worker.random.i64(0..=balances[from]);
    let intent =
        Intent { accounts: [from, to], balances: [balances[from] - amount, balances[to] + amount] };
    let text = intent.to_text();
    worker.perform(Kind::Set, |namespace| namespace.set(INTENT, &text))?;
    store(worker, intent)
}

/// As one of the shared owners of the namespace, who are not told of deaths.
fn audit(worker: &mut Worker<'_>) -> Result<()> {
    let text = written_down(worker)?;
    let balances = all_balances(worker)?;
    worker.count_verified(ACCOUNTS as u64);
    check_total(balances, text.as_deref())
}

fn check_total(mut balances: Vec<i64>, written_down: Option<&str>) -> Result<()> {
    if let Some(text) = written_down {
        let intent = Intent::from_text(text).ok_or_else(|| format!("{text:?} is no intent"))?;
        for (account, balance) in intent.accounts.into_iter().zip(intent.balances) {
            balances[account] = balance;
        }
    }
    let total: i64 = balances.iter().sum();
    if total != TOTAL {
        return Err(format!(
            "the total is {total} instead of {TOTAL}: {balances:?}, with {written_down:?} done"
        )
        .into());
    }
    Ok(())
}
