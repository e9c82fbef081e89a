//! Changing a variable beside others who do the same, by verbs that look at it first.

use std::time::Duration;

use mmf::{Comparison, Error, Namespace, Value};
use mmf_processes::{Answer, Contender, Contest};

type Result<T> = std::result::Result<T, Error>;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);

/// Changes the variable as the contender is told.
pub(crate) fn contend(namespace: &Namespace, contender: &Contender) -> Result<Answer> {
    let Contender { variable: name, contest, member, members, rounds } = contender;
    let variable = namespace.variable(name)?;
    let mut sum = 0;
    for round in 0..*rounds {
        let number = round * members + member;
        sum += match contest {
            Contest::Max => {
                let kept = integer(Some(variable.max(number)?));
                assert!(kept >= number, "{kept} is kept, and {number} was given");
                0
            }
            Contest::Min => {
                let kept = integer(Some(variable.min(-number)?));
                assert!(kept <= -number, "{kept} is kept, and -{number} was given");
                0
            }
            Contest::Swap => integer(variable.swap(&number)?),
            Contest::Update => {
                variable.update(|now| Ok::<_, Error>(Some(now.map_or(0, |now: i64| now) + 1)))?;
                1
            }
            Contest::CompareValue => loop {
                let now = namespace.get::<Value>(name)?;
                let next = integer(now.clone()) + 1;
                if let Comparison::Stored(_) =
                    variable.compare_value_and_set(now.as_ref(), &next)?
                {
                    break 1;
                }
            },
        };
    }
    Ok(Answer::Number(sum))
}

fn integer(value: Option<Value>) -> i64 {
    value.map_or(0, |value| value.as_i64().expect("an integer"))
}

/// Goes inside an update, tells so by setting `told`, and stays there.
pub(crate) fn stay_inside(namespace: &Namespace, name: &str, told: &str) -> Result<Answer> {
    let stay = |_: Option<Value>| {
        namespace.set(told, "inside")?;
        // Until it is killed: there is nothing that could wake it.
        std::thread::sleep(LONG);
        Ok::<_, Error>(Some("too late"))
    };
    namespace.update(name, stay).map(|version| Answer::Number(version as i64))
}
