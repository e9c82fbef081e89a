//! A value together with what is known of it, and not with what is known of another set's.

use mmf::{FromValue, Metadata, Namespace, Value, ValueType};

/// Attempts to see a variable between two sets.
const ATTEMPTS: usize = 100;

/// A value that was read.
pub struct Reading {
    /// The type as which it is stored.
    pub value_type: ValueType,
    /// The value, whole.
    pub value: Value,
    /// What else is known of the very set that stored it; none when others set the variable
    /// without a pause.
    pub metadata: Option<Metadata>,
}

/// Reads a variable without a lock, or none when it does not exist.
pub fn read(namespace: &Namespace, name: &str) -> mmf::Result<Option<Reading>> {
    for _ in 0..ATTEMPTS {
        let Some(metadata) = namespace.metadata(name)? else { return Ok(None) };
        let Some(value) = namespace.get(name)? else { return Ok(None) };
        if namespace.version(name)? == Some(metadata.version) {
            let value_type = metadata.value_type;
            return Ok(Some(Reading { value_type, value, metadata: Some(metadata) }));
        }
    }
    let mut payload = Vec::new();
    let Some(value_type) = namespace.get_into(name, &mut payload)? else { return Ok(None) };
    let value = Value::decode(value_type, &payload)?;
    Ok(Some(Reading { value_type, value, metadata: None }))
}
