//! The blackboard of iceoryx2: names are fixed when it is made, and one process writes.
#![allow(unsafe_code, reason = "a value written in place is said to be written")]

use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;

use iceoryx2::config::Config;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::reader::{EntryHandle, Reader};
use iceoryx2::port::writer::{EntryHandleMut, Writer};
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::blackboard::PortFactory;
use mmf_bench::Result;
use mmf_bench::names::{NAME_LENGTH, Name};
use mmf_bench::system::{Kept, System};
use mmf_bench::values::{fill, stamp};
use mmf_bench_peers::contract::{Call, Role, Row};
use mmf_bench_peers::program::{Awaiting, Capacity, PATIENCE, Peer, cannot};

type Key = [u8; NAME_LENGTH];
type Service = ipc::Service;

/// Looking a name up takes time that grows with their number: more would take too long.
const MOST: u64 = 10_000;

pub struct Blackboard<const LENGTH: usize> {
    // In this order they are dropped: ports before what they belong to.
    events: Option<(Notifier<Service>, Listener<Service>)>,
    writer: Option<Writer<Service, Key>>,
    reader: Reader<Service, Key>,
    _service: PortFactory<Service, Key>,
    _node: Node<Service>,
    /// Begins the names of its files.
    prefix: String,
}

static CONFIG: OnceLock<Config> = OnceLock::new();

/// Files begin with the directory's name, so that the bench can remove them after a kill.
fn node(call: &Call) -> Result<Node<Service>> {
    set_log_level(LogLevel::Error);
    let mut config = Config::default();
    config.global.prefix = FileName::new(prefix(call).as_bytes())?;
    config.global.set_root_path(&Path::new(call.directory.as_os_str().as_encoded_bytes())?);
    let config = CONFIG.get_or_init(|| config);
    Ok(NodeBuilder::new().config(config).create::<Service>()?)
}

fn prefix(call: &Call) -> String {
    format!("{}_", call.directory.file_name().unwrap_or_default().to_string_lossy())
}

fn key(name: &str) -> Result<Key> {
    Ok(name.as_bytes().try_into()?)
}

impl<const LENGTH: usize> Blackboard<LENGTH> {
    fn events(call: &Call, node: &Node<Service>) -> Result<(Notifier<Service>, Listener<Service>)> {
        let port = |name: &str| -> Result<_> {
            Ok(node.service_builder(&name.try_into()?).event().open_or_create()?)
        };
        let (out, back) = match call.role {
            Role::First => ("there", "back"),
            Role::Second => ("back", "there"),
        };
        let notifier = port(out)?.notifier_builder().create()?;
        let listener = port(back)?.listener_builder().create()?;
        Ok((notifier, listener))
    }
}

impl<const LENGTH: usize> System for Blackboard<LENGTH> {
    #[inline]
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        let handle = self.reader.entry::<[u8; LENGTH]>(&key(name)?)?;
        buffer.clear();
        buffer.extend_from_slice(&*handle.get());
        Ok(true)
    }

    #[inline]
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        let writer = self.writer.as_ref().ok_or_else(|| cannot("one process writes"))?;
        let handle = writer.entry::<[u8; LENGTH]>(&key(name)?)?;
        let mut room = handle.loan_uninit();
        let bytes: &[u8; LENGTH] = value.try_into()?;
        room.value_mut().write(*bytes);
        // SAFETY: obligation: the value is written. The line before has done that.
        let handle = unsafe { room.assume_init_and_update() };
        // One handle of a name can be there at a time.
        drop(handle);
        Ok(())
    }
}

/// A reader's handle, and the writer's where there is one.
pub struct Handles<const LENGTH: usize> {
    reader: EntryHandle<Service, Key, [u8; LENGTH]>,
    writer: Option<EntryHandleMut<Service, Key, [u8; LENGTH]>>,
}

impl<const LENGTH: usize> Kept for Handles<LENGTH> {
    #[inline]
    fn get(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        buffer.clear();
        buffer.extend_from_slice(&*self.reader.get());
        Ok(true)
    }

    #[inline]
    fn set(&mut self, value: &[u8]) -> Result<()> {
        let writer = self.writer.as_ref().ok_or_else(|| cannot("one process writes"))?;
        writer.update_with_copy(*<&[u8; LENGTH]>::try_from(value)?);
        Ok(())
    }
}

impl<const LENGTH: usize> Peer for Blackboard<LENGTH> {
    type Variable<'a> = Handles<LENGTH>;

    const AWAITING: Awaiting = Awaiting::Waits;

    fn create(call: &Call, capacity: Capacity) -> Result<Self> {
        if call.row == Row::Counter {
            return Err(cannot("one process writes, so two cannot count"));
        }
        let node = node(call)?;
        let mut creator = node.service_builder(&"board".try_into()?).blackboard_creator::<Key>();
        for index in 0..capacity.count {
            let mut value = [0; LENGTH];
            if call.row == Row::Random {
                fill(&mut value, stamp(index, 0));
            }
            creator = creator.add::<[u8; LENGTH]>(*Name::of(index).as_bytes(), value);
        }
        let service = creator.create()?;
        let writer = Some(service.writer_builder().create()?);
        let reader = service.reader_builder().create()?;
        let events = match call.row {
            Row::RoundTrip => Some(Self::events(call, &node)?),
            _ => None,
        };
        let prefix = prefix(call);
        Ok(Self { events, writer, reader, _service: service, _node: node, prefix })
    }

    fn attach(call: &Call, _capacity: Capacity) -> Result<Self> {
        let node = node(call)?;
        let service =
            node.service_builder(&"board".try_into()?).blackboard_opener::<Key>().open()?;
        let reader = service.reader_builder().create()?;
        let events = match call.row {
            Row::RoundTrip => Some(Self::events(call, &node)?),
            _ => None,
        };
        let prefix = prefix(call);
        Ok(Self { events, writer: None, reader, _service: service, _node: node, prefix })
    }

    fn kept(&mut self, name: &str) -> Result<Option<(&'static str, Handles<LENGTH>)>> {
        let key = key(name)?;
        let reader = self.reader.entry(&key)?;
        let writer = self.writer.as_ref().map(|writer| writer.entry(&key)).transpose()?;
        Ok(Some(("kept handle", Handles { reader, writer })))
    }

    fn most(wanted: u64) -> u64 {
        wanted.min(MOST)
    }

    /// They are there from the begin.
    fn set_many(&mut self, _range: std::ops::Range<u64>) -> Result<()> {
        Ok(())
    }

    /// The number itself goes as the event: a blackboard has one writer, and both have something
    /// to say.
    fn send(&mut self, _way: usize, number: u64) -> Result<()> {
        let (notifier, _) = self.events.as_ref().ok_or("there are no events in this row")?;
        notifier.notify_with_custom_event_id(EventId::new(event_of(number)))?;
        Ok(())
    }

    fn receive(&mut self, _way: usize, last: u64) -> Result<u64> {
        let (_, listener) = self.events.as_ref().ok_or("there are no events in this row")?;
        let mut seen = None;
        listener.timed_wait(|event| seen = Some(event.id.as_value()), PATIENCE)?;
        match seen {
            None => Err(format!("nothing has come within {PATIENCE:?}").into()),
            Some(STOP_EVENT) => Ok(u64::MAX),
            Some(event) if event == event_of(last + 1) => Ok(last + 1),
            Some(event) => Err(format!("event {event} has come behind number {last}").into()),
        }
    }

    fn bytes_used(&mut self) -> Result<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir("/dev/shm")? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&self.prefix) {
                bytes += entry.metadata()?.blocks() * 512;
            }
        }
        Ok(bytes)
    }
}

/// The event that ends a round trip; the others alternate between two.
const STOP_EVENT: usize = 2;

fn event_of(number: u64) -> usize {
    if number == u64::MAX { STOP_EVENT } else { (number % 2) as usize }
}
