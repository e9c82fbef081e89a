//! `mmf list`.

use clap::Args;
use mmf::Summary;

use crate::failure::{Outcome, Verdict};
use crate::format::{bytes, grouped, one_line};
use crate::output::{Output, Side, Table};
use crate::rows::{names, rows};
use crate::session::{Purpose, Session};

/// List the namespaces, or the variables of one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mmf list
  mmf list shop
  mmf list shop pri
  mmf list shop --long
  mmf list shop --json

There is one name a line, with control characters written as escapes; --json has the names as they \
are. Up to 65,536 names are sorted; more are printed as they are found, in bounded memory.

A namespace is left over when it should have gone with its last process, which was killed; the \
next open or `mmf remove` clears it away.")]
pub struct List {
    /// Name of the namespace; without one the namespaces are listed
    namespace: Option<String>,

    /// Only variables whose names begin like this
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,

    /// Also print type, size, version, time, process and program of each variable
    #[arg(long, short, requires = "namespace")]
    long: bool,
}

impl List {
    /// Prints the list.
    pub fn run(&self, session: &Session, output: &mut Output) -> Outcome {
        let Some(namespace) = &self.namespace else { return list_namespaces(output) };
        let namespace = session.open(namespace, Purpose::Read, None)?;
        match (self.long, output.is_json()) {
            (false, false) => {
                for name in names(&namespace, &self.prefix)? {
                    output.line(one_line(&name?))?;
                }
            }
            (true, false) => {
                output.line(long_line([
                    "TYPE", "SIZE", "VERSION", "TIME", "PID", "PROGRAM", "NAME",
                ]))?;
                for row in rows(&namespace, &self.prefix)? {
                    let row = row?;
                    let [size, version] = [row.size, row.version].map(|number| number.to_string());
                    let (pid, program) = (row.pid.to_string(), one_line(&row.program));
                    let name = one_line(&row.name);
                    output.line(long_line([
                        row.type_name,
                        &size,
                        &version,
                        &row.time,
                        &pid,
                        &program,
                        &name,
                    ]))?;
                }
            }
            (false, true) => {
                output.json_list(names(&namespace, &self.prefix)?)?;
                output.line("")?;
            }
            (true, true) => {
                output.json_list(rows(&namespace, &self.prefix)?)?;
                output.line("")?;
            }
        }
        Ok(Verdict::Done)
    }
}

/// A line of `--long`. Its columns have fixed widths, because lines are printed as they are found.
fn long_line([type_name, size, version, time, pid, program, name]: [&str; 7]) -> String {
    format!(
        "{type_name:<9}  {size:>12}  {version:>12}  {time:<24}  {pid:>10}  {program:<15}  {name}"
    )
}

fn list_namespaces(output: &mut Output) -> Outcome {
    let summaries = mmf::list_namespaces()?;
    if output.is_json() {
        output.json(&summaries)?;
        return Ok(Verdict::Done);
    }
    let mut table = Table::new([
        ("NAME", Side::Left),
        ("CAPACITY", Side::Right),
        ("COMMITTED", Side::Right),
        ("VARIABLES", Side::Right),
        ("ATTACHED", Side::Right),
        ("IN", Side::Left),
        ("STATE", Side::Left),
    ]);
    for summary in &summaries {
        table.row([
            summary.name.clone(),
            bytes(summary.capacity),
            bytes(summary.committed),
            grouped(summary.variables),
            summary.attached.to_string(),
            place(summary),
            state(summary),
        ]);
    }
    table.print(output).map(|()| Verdict::Done)
}

fn place(summary: &Summary) -> String {
    if summary.swapfile { summary.path.display().to_string() } else { "memory".to_owned() }
}

fn state(summary: &Summary) -> String {
    match &summary.problem {
        Some(problem) => problem.clone(),
        None if summary.left_over => "left over".to_owned(),
        None if summary.attached > 0 => "in use".to_owned(),
        None => "idle".to_owned(),
    }
}
