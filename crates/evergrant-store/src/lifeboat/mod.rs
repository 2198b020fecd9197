//! Where a rotated credential goes when the database is away.
//!
//! A provider that has answered with new tokens has usually forgotten the old ones, so the answer must become
//! durable even if the database is locked or its disk is full. The lifeboat is a local file whose room is
//! allocated beforehand. A place in it is reserved before a request is sent; if there is none, nothing is sent.
//!
//! The file is a head of 4 KiB and then slots of equal size, each empty, reserved by a holder, or filled with
//! one checksummed record. Reservations are visible to all processes. One that is neither filled nor owned by
//! a living holder is free again. A process changes slots of others only under the file's lock.

mod slot;

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use evergrant_proto::name::{AttemptId, HolderId};
use rustix::fs::OFlags;

use crate::{
    anchor::{Epoch, StoreId},
    durable::{self, FileFault},
    presence::Presence,
};
use slot::{Content, HEADER_BYTES, Slot};

const TITLE: &str = "evergrant-lifeboat 1\n";
const HEAD_BYTES: usize = 4096;

/// How large a new lifeboat is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// How many requests can be under way at once on this host.
    pub slots: u32,
    /// Bytes of each slot, its header of 96 bytes included.
    pub slot_bytes: u32,
}

impl Default for Capacity {
    /// 72 slots of 256 KiB: an access and a refresh token of the greatest accepted length fit into one. One process has up
    /// to 64 refreshes under way; the rest is for code exchanges.
    fn default() -> Self {
        Self { slots: 72, slot_bytes: 256 * 1024 }
    }
}

/// A place in the lifeboat that belongs to one holder until it is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reservation {
    slot: u32,
    holder: HolderId,
    number: u64,
}

/// What is rescued: a sealed value and what finds its place in the store. Written once, replayed until the store
/// has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The store it belongs to.
    pub store: StoreId,
    /// The epoch in which its request was journalled.
    pub epoch: Epoch,
    /// The attempt whose success it is; replaying is idempotent by it.
    pub attempt: AttemptId,
    /// The id of the grant or authorization it belongs to.
    pub subject: String,
    /// The sealed value.
    pub sealed: Vec<u8>,
}

/// A record that was found, and its place, for releasing it once the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its place.
    pub reservation: Reservation,
    /// The record.
    pub record: Record,
}

/// What the lifeboat holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// Records that wait for the store, of all processes.
    pub records: Vec<Found>,
    /// Places held for requests that are under way.
    pub reserved: u32,
    /// Places whose checksum does not fit: a write that the machine did not live to finish, or a failing disk.
    /// They are left as they are and used again only when nothing else is free.
    pub damaged: Vec<u32>,
    /// Places that are free.
    pub free: u32,
}

impl Reservation {
    /// The holder whose request it was reserved for.
    pub fn holder(&self) -> HolderId {
        self.holder
    }
}

/// Why the lifeboat could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LifeboatError {
    /// Every place is taken: nothing may be sent now.
    #[error(
        "all {0} places of the lifeboat are taken: wait until requests end or the store can be written again"
    )]
    Full(u32),
    /// Every place is taken, and at least one by a request that is under way: it ends soon.
    #[error("all {0} places of the lifeboat are taken by requests under way")]
    Busy(u32),
    /// The record does not fit into a place.
    #[error("the record of {needed} bytes does not fit into a place of {room} bytes")]
    TooLarge {
        /// Bytes of the record.
        needed: usize,
        /// Bytes of a place.
        room: usize,
    },
    /// The place is not, or no longer, reserved for this.
    #[error("the place in the lifeboat is not reserved")]
    NotReserved,
    /// The file is not a lifeboat, or not all of it.
    #[error("{} is not a lifeboat of this version; move it away and start again", .0.display())]
    Malformed(PathBuf),
    /// The system refused.
    #[error("the lifeboat cannot be used: {0}")]
    Fault(#[from] FileFault),
}

/// The lifeboat of one store on one host. All operations block; they touch a few pages of one file, and only
/// [`Lifeboat::write`] waits for the disk.
#[derive(Debug)]
pub struct Lifeboat {
    path: PathBuf,
    file: File,
    capacity: Capacity,
    presence: Arc<Presence>,
    next_number: AtomicU64,
    /// Slots that this process has emptied: likely to be free still. Threads of this process share one lock of the
    /// file, so they exclude each other here first.
    emptied: Mutex<Vec<u32>>,
}

impl Lifeboat {
    /// Opens the lifeboat; one that does not exist is made, with all its room on disk when this returns. An
    /// existing one keeps the capacity that it was made with.
    pub fn open(path: &Path, capacity: Capacity, presence: Arc<Presence>) -> Result<Self, LifeboatError> {
        let file = match open_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                durable::create(path, |file| allocate(file, capacity))?;
                open_file(path)
            }
            opened => opened,
        };
        let file = file.map_err(FileFault::doing("open", path))?;
        let capacity = read_capacity(&file)
            .map_err(FileFault::doing("read", path))?
            .ok_or_else(|| LifeboatError::Malformed(path.to_owned()))?;
        let (next_number, emptied) = (AtomicU64::new(1), Mutex::default());
        Ok(Self { path: path.to_owned(), file, capacity, presence, next_number, emptied })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many places it has, and how large they are.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Reserves a place for one request. It stays ours until it is released or this process ends without having
    /// filled it.
    pub fn reserve(&self) -> Result<Reservation, LifeboatError> {
        self.locked(|emptied| {
            let slot = self.find_free(emptied)?.ok_or(LifeboatError::Full(self.capacity.slots))?;
            let number = self.next_number.fetch_add(1, Ordering::Relaxed);
            let reservation = Reservation { slot, holder: self.presence.id(), number };
            self.put(slot, &Slot::reserved(reservation.holder, number).encode())?;
            Ok(reservation)
        })
    }

    /// Fills a reserved place. The record is on disk when this returns `Ok`.
    pub fn write(&self, reservation: &Reservation, record: &Record) -> Result<(), LifeboatError> {
        let encoded = Slot::filled(reservation.holder, reservation.number, record.clone()).encode();
        let room = self.capacity.slot_bytes as usize;
        if encoded.len() > room {
            return Err(LifeboatError::TooLarge { needed: encoded.len(), room });
        }
        // Under the lock: to a process that looks for a place meanwhile, half of a record looks damaged, and it takes
        // damaged places where no other is free.
        self.locked(|_| {
            if !self.is_held(reservation)? {
                return Err(LifeboatError::NotReserved);
            }
            self.put(reservation.slot, &encoded)
        })?;
        self.file.sync_data().map_err(FileFault::doing("sync", &self.path))?;
        Ok(())
    }

    /// Empties a place: its request ended without need of it, or the store has its record. A place that was
    /// emptied by somebody else stays as it is. Not synced: a record that comes back is replayed once more.
    pub fn release(&self, reservation: &Reservation) -> Result<(), LifeboatError> {
        self.locked(|emptied| {
            if self.is_held(reservation)? {
                self.put(reservation.slot, &[0; HEADER_BYTES])?;
                emptied.push(reservation.slot);
            }
            Ok(())
        })
    }

    /// Reads everything that it holds.
    pub fn survey(&self) -> Result<Survey, LifeboatError> {
        let mut survey = Survey::default();
        for slot in 0..self.capacity.slots {
            match self.read(slot)? {
                Slot::Empty => survey.free += 1,
                Slot::Damaged => survey.damaged.push(slot),
                Slot::Held { holder, number, content } => match content {
                    Content::Record(record) => {
                        let reservation = Reservation { slot, holder, number };
                        survey.records.push(Found { reservation, record });
                    }
                    Content::Nothing if self.presence.is_alive(holder)? => survey.reserved += 1,
                    Content::Nothing => survey.free += 1,
                },
            }
        }
        Ok(survey)
    }

    /// Whether that holder left a record that waits for this epoch of this store. What is meant for another one is never
    /// taken in, and its holder must not count as busy for ever.
    pub fn holds_record_of(
        &self,
        holder: HolderId,
        store: StoreId,
        epoch: Epoch,
    ) -> Result<bool, LifeboatError> {
        for slot in 0..self.capacity.slots {
            if let Slot::Held { holder: owner, content: Content::Record(record), .. } =
                self.read_header(slot)?
                && (owner, record.store, record.epoch) == (holder, store, epoch)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A free place, else one that a dead holder left, else a damaged one.
    fn find_free(&self, emptied: &mut Vec<u32>) -> Result<Option<u32>, LifeboatError> {
        while let Some(slot) = emptied.pop() {
            if self.read_header(slot)? == Slot::Empty {
                return Ok(Some(slot));
            }
        }
        let (mut left, mut damaged) = (None, None);
        for slot in 0..self.capacity.slots {
            match self.read_header(slot)? {
                Slot::Empty => return Ok(Some(slot)),
                Slot::Held { holder, content: Content::Nothing, .. } if left.is_none() => {
                    if !self.presence.is_alive(holder)? {
                        left = Some(slot);
                    }
                }
                Slot::Damaged => damaged = damaged.or(Some(slot)),
                Slot::Held { .. } => {}
            }
        }
        Ok(left.or(damaged))
    }

    fn is_held(&self, reservation: &Reservation) -> Result<bool, LifeboatError> {
        let ours = (reservation.holder, reservation.number);
        let slot = self.read_header(reservation.slot)?;
        Ok(matches!(slot, Slot::Held { holder, number, .. } if (holder, number) == ours))
    }

    /// What the header says, which is all that is needed of an empty or reserved place.
    fn read_header(&self, slot: u32) -> Result<Slot, LifeboatError> {
        let mut header = [0; HEADER_BYTES];
        self.get(slot, &mut header)?;
        match Slot::body_bytes(&header) {
            0 => Ok(Slot::decode(&header)),
            _ => self.read(slot),
        }
    }

    fn read(&self, slot: u32) -> Result<Slot, LifeboatError> {
        let mut header = [0; HEADER_BYTES];
        self.get(slot, &mut header)?;
        let room = self.capacity.slot_bytes as usize - HEADER_BYTES;
        let mut bytes = vec![0; HEADER_BYTES + Slot::body_bytes(&header).min(room)];
        self.get(slot, &mut bytes)?;
        Ok(Slot::decode(&bytes))
    }

    fn get(&self, slot: u32, bytes: &mut [u8]) -> Result<(), LifeboatError> {
        let read = self.file.read_exact_at(bytes, self.offset(slot));
        Ok(read.map_err(FileFault::doing("read", &self.path))?)
    }

    fn put(&self, slot: u32, bytes: &[u8]) -> Result<(), LifeboatError> {
        let written = self.file.write_all_at(bytes, self.offset(slot));
        Ok(written.map_err(FileFault::doing("write", &self.path))?)
    }

    fn offset(&self, slot: u32) -> u64 {
        HEAD_BYTES as u64 + u64::from(slot) * u64::from(self.capacity.slot_bytes)
    }

    fn locked<T>(
        &self,
        work: impl FnOnce(&mut Vec<u32>) -> Result<T, LifeboatError>,
    ) -> Result<T, LifeboatError> {
        let mut emptied = self.emptied.lock().unwrap_or_else(PoisonError::into_inner);
        self.file.lock().map_err(FileFault::doing("lock", &self.path))?;
        let outcome = work(&mut emptied);
        self.file.unlock().map_err(FileFault::doing("unlock", &self.path))?;
        outcome
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
}

/// Writes the head and every byte of every slot: a file system gives room for what was written, not for what was
/// only asked for.
fn allocate(file: &mut File, capacity: Capacity) -> io::Result<()> {
    let Capacity { slots, slot_bytes } = capacity;
    let mut head = vec![0; HEAD_BYTES];
    write!(head.as_mut_slice(), "{TITLE}slots {slots}\nslot-bytes {slot_bytes}\n")?;
    file.write_all(&head)?;
    let empty = vec![0; slot_bytes as usize];
    (0..slots).try_for_each(|_| file.write_all(&empty))
}

fn read_capacity(file: &File) -> io::Result<Option<Capacity>> {
    let mut head = vec![0; HEAD_BYTES];
    match file.read_exact_at(&mut head, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        outcome => outcome?,
    }
    let Some(capacity) = parse_head(&head) else { return Ok(None) };
    let expected = HEAD_BYTES as u64 + u64::from(capacity.slots) * u64::from(capacity.slot_bytes);
    Ok((file.metadata()?.len() == expected).then_some(capacity))
}

fn parse_head(head: &[u8]) -> Option<Capacity> {
    let text = str::from_utf8(head).ok()?.trim_end_matches('\0').strip_prefix(TITLE)?;
    let fields: Vec<_> = text.split_ascii_whitespace().collect();
    let &["slots", slots, "slot-bytes", slot_bytes] = fields.as_slice() else { return None };
    let capacity = Capacity { slots: slots.parse().ok()?, slot_bytes: slot_bytes.parse().ok()? };
    (capacity.slot_bytes as usize >= HEADER_BYTES).then_some(capacity)
}

#[cfg(test)]
mod tests;
